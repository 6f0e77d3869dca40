//! The guarantees that README.md states and the tests that prove them name each other.

use std::collections::BTreeSet;

use crate::support::project::{files, read};

#[test]
fn every_guarantee_of_the_readme_has_tests_and_every_test_proves_one_of_them() {
    let readme = read("README.md");
    let stated: BTreeSet<u32> = readme.lines().filter_map(guarantee_of_line).collect();
    assert_eq!(stated, (1..=10).collect(), "the guarantees that README.md states");
    let mut proven = BTreeSet::new();
    for path in ["src", "tests"].into_iter().flat_map(files) {
        if path.extension().is_none_or(|end| end != "rs") {
            continue;
        }
        for test in tests_of(&read(&path)) {
            for guarantee in guarantees_of_test(&test) {
                let known = stated.contains(&guarantee);
                assert!(known, "{}: README.md states no G{guarantee}, as in {test}", path.display());
                proven.insert(guarantee);
            }
        }
    }
    assert_eq!(proven, stated, "the guarantees that tests prove");
}

/// `- **G7 A debug refresh …` states the seventh.
fn guarantee_of_line(line: &str) -> Option<u32> {
    line.strip_prefix("- **G")?.split(' ').next()?.parse().ok()
}

/// `g1_g2_…` proves the first and the second.
fn guarantees_of_test(name: &str) -> impl Iterator<Item = u32> {
    name.split('_').map_while(|part| part.strip_prefix('g')?.parse().ok())
}

/// The names of the tests in a file's text.
fn tests_of(text: &str) -> Vec<String> {
    let mut lines = text.lines().map(str::trim_start);
    let mut tests = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            let (_, name) =
                lines.by_ref().find_map(|line| line.split_once("fn ")).expect("a test's function");
            tests.push(name.split('(').next().unwrap_or_default().to_owned());
        }
    }
    tests
}
