//! The project's own files, for tests that read what people rely on.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// All files below `top`, but what npm has brought, from the project's root.
pub(crate) fn files(top: impl Into<PathBuf>) -> Vec<PathBuf> {
    let (mut found, mut directories) = (Vec::new(), vec![top.into()]);
    while let Some(directory) = directories.pop() {
        if root().join(&directory).is_file() {
            found.push(directory);
            continue;
        }
        for entry in fs::read_dir(root().join(&directory)).expect("the project can be read") {
            let path = directory.join(entry.expect("the project can be read").file_name());
            if !root().join(&path).is_dir() {
                found.push(path);
            } else if path.file_name().is_some_and(|name| name != "node_modules") {
                directories.push(path);
            }
        }
    }
    found.sort();
    found
}

/// All Rust source files but those of tests, from the project's root.
pub(crate) fn sources() -> Vec<PathBuf> {
    let is_test = |path: &Path| {
        let name = path.file_name().expect("a name").to_string_lossy();
        name == "tests.rs"
            || name.ends_with("_tests.rs")
            || path.components().any(|part| part.as_os_str() == "tests")
    };
    let is_rust = |path: &Path| path.extension().is_some_and(|end| end == "rs");
    files("src").into_iter().filter(|path| is_rust(path) && !is_test(path)).collect()
}

/// The text of a file of the project.
pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The project's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
