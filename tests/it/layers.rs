//! The structure of the code: which room may name which, no circle between files, nothing too long.
//!
//! Read from the code itself, so it only ever gets stricter: a permission that nobody uses fails too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use syn::{Attribute, Item, UseTree, visit::Visit};

use crate::support::project::{files, read, root, sources};

/// Most lines of a file, in any language.
const FILE_LINES_MAX: usize = 400;
/// Most lines of a function.
const FUNCTION_LINES_MAX: usize = 70;

/// Which rooms each may name besides itself, from the bottom up.
const ROOMS: [(&str, &[&str]); 21] = [
    // Tools without a word of the business.
    ("text_enum", &[]),
    ("error_chain", &[]),
    ("logging", &["text_enum"]),
    ("tls", &[]),
    ("version", &[]),
    ("vital", &[]),
    // Words and rules.
    ("domain", &["text_enum"]),
    ("message", &["text_enum", "domain"]),
    // Adapters, which do not know each other; the queue knows no rule but how long to pause.
    ("crypto", &["text_enum", "domain"]),
    ("store", &["domain", "error_chain", "message", "text_enum", "tls"]),
    ("ebay", &["domain", "error_chain", "message", "tls"]),
    ("queue", &["domain", "error_chain", "tls"]),
    // Readers of files, and the independent stand-in: words only.
    ("import", &["text_enum", "domain"]),
    ("fake_ebay", &["domain"]),
    // Flow.
    ("connect_log", &["domain", "error_chain", "message", "queue", "store", "vital"]),
    (
        "refresh",
        &["connect_log", "crypto", "domain", "ebay", "error_chain", "message", "queue", "store", "vital"],
    ),
    // Surfaces.
    ("terminal", &["domain", "message", "queue", "store", "text_enum"]),
    (
        "admin",
        &[
            "connect_log",
            "crypto",
            "domain",
            "error_chain",
            "message",
            "queue",
            "refresh",
            "store",
            "terminal",
            "version",
            "vital",
        ],
    ),
    // Assembly: the configuration builds what it configures, the commands know everything.
    ("config", &["crypto", "logging", "queue", "refresh", "store"]),
    (
        "process",
        &[
            "admin",
            "config",
            "connect_log",
            "crypto",
            "domain",
            "ebay",
            "error_chain",
            "message",
            "queue",
            "refresh",
            "store",
            "version",
            "vital",
        ],
    ),
    (
        "commands",
        &[
            "config",
            "connect_log",
            "crypto",
            "domain",
            "ebay",
            "error_chain",
            "fake_ebay",
            "import",
            "logging",
            "message",
            "process",
            "queue",
            "refresh",
            "store",
            "terminal",
            "version",
        ],
    ),
];

#[test]
fn a_room_names_only_those_below_it_and_each_permission_is_used() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ROOMS.iter().map(|(room, may)| (*room, may.iter().copied().collect())).collect();
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, targets) in references() {
        let Some(room) = module.first() else { continue };
        let others = targets.iter().filter_map(|target| target.first()).filter(|other| *other != room);
        named.entry(room.clone()).or_default().extend(others.cloned());
    }
    let mut wrong = Vec::new();
    for (room, others) in &named {
        let may =
            allowed.get(room.as_str()).unwrap_or_else(|| panic!("{room} has no layer: add it to ROOMS"));
        let others: BTreeSet<&str> = others.iter().map(String::as_str).collect();
        wrong.extend(others.difference(may).map(|other| format!("{room} names {other}")));
        wrong.extend(may.difference(&others).map(|other| format!("{room} may name {other} and does not")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_knows_itself_in_a_circle() {
    let references = references();
    let mut circles = Vec::new();
    for (module, targets) in &references {
        for target in targets {
            // Told once, from the side that comes first.
            if module < target && reaches(&references, target, module) {
                circles.push(format!("{} and {} know each other", module.join("::"), target.join("::")));
            }
        }
    }
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn stories_wait_through_their_support_only() {
    let sleep = ["sleep", "("].concat();
    let sleeps = |path: &Path| path.extension().is_some_and(|end| end == "rs") && read(path).contains(&sleep);
    let mut elsewhere = files("tests/it");
    elsewhere.retain(|path| !path.starts_with("tests/it/support") && sleeps(path));
    assert!(elsewhere.is_empty(), "use `support`, which has a limit and a name for each wait: {elsewhere:?}");
}

#[test]
fn no_file_and_no_function_is_too_long() {
    let mut wrong = Vec::new();
    for path in ["src", "tests", "migrations", "deploy", ".ci"].into_iter().flat_map(files) {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        let is_code = path
            .extension()
            .is_none_or(|end| ["rs", "js", "css", "sql", "sh"].iter().any(|code| end == *code));
        let lines = text.lines().count();
        if is_code && lines > FILE_LINES_MAX {
            wrong.push(format!("{} has {lines} lines", path.display()));
        }
        if path.extension().is_some_and(|end| end == "rs") {
            let long = functions(&text).into_iter().filter(|(_, lines)| *lines > FUNCTION_LINES_MAX);
            wrong.extend(long.map(|(name, lines)| format!("{}: {name} has {lines} lines", path.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sql_amqp_and_environment_stand_in_one_room_each() {
    let rules: [(&str, &[&str], &str); 4] = [
        ("the database's driver", &["tokio_postgres", "deadpool", "refinery"], "store"),
        ("the broker's driver", &["lapin"], "queue"),
        ("the environment", &["env::var", "env = \"", "env::args", "env::set_var"], "config"),
        ("the HTTP client", &["reqwest"], "ebay"),
    ];
    let statements = ["select ", "insert into ", "update ", "delete from ", "create table ", "alter table "];
    let mut wrong = Vec::new();
    for path in sources() {
        let (room, code) = (module_of(&path).first().cloned().unwrap_or_default(), code_of(&path));
        for (what, words, owner) in rules {
            for word in words.iter().filter(|word| code.contains(**word)) {
                // A log filter names libraries, not their types.
                let quiet = room == "logging"
                    && (code.contains(&format!("{word}=off")) || code.contains(&format!("{word}=warn")));
                if room != owner && !quiet {
                    wrong.push(format!("{}: {word} ({what})", path.display()));
                }
            }
        }
        for text in code.split('"').skip(1).step_by(2).filter(|_| room != "store") {
            let text = text.trim_start().to_ascii_lowercase();
            let is_sql = text.starts_with("/* ")
                || statements.iter().any(|start| text.starts_with(start) && text.contains(" where "));
            if is_sql {
                wrong.push(format!("{}: SQL: {text}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A prepared statement that reads whatever columns there are fails once a migration adds one.
#[test]
fn statements_name_their_columns() {
    let mut wrong = Vec::new();
    for path in sources().into_iter().filter(|path| path.starts_with("src/store")) {
        for line in code_of(&path).lines().map(str::to_ascii_lowercase) {
            let words = line.replace("count(*)", "");
            if ["select *", "returning *", ".*,", ".* "].iter().any(|star| words.contains(star)) {
                wrong.push(format!("{}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

type Module = Vec<String>;

/// Which files each file names, tests apart. A `mod.rs` names what it hands on.
fn references() -> BTreeMap<Module, BTreeSet<Module>> {
    let paths = sources();
    let modules: BTreeSet<Module> = paths.iter().map(|path| module_of(path)).collect();
    let mut references = BTreeMap::new();
    for path in paths {
        let module = module_of(&path);
        if module == ["lib"] || module == ["main"] {
            continue;
        }
        let file =
            syn::parse_file(&read(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut named = Named { module: module.clone(), modules: &modules, found: BTreeSet::new() };
        named.visit_file(&file);
        named.found.remove(&module);
        references.insert(module, named.found);
    }
    references
}

fn reaches(references: &BTreeMap<Module, BTreeSet<Module>>, from: &Module, to: &Module) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(module) = next.pop() {
        if module == to {
            return true;
        }
        if seen.insert(module) {
            next.extend(references.get(module).into_iter().flatten());
        }
    }
    false
}

/// Collects the files that one file names.
struct Named<'a> {
    module: Module,
    modules: &'a BTreeSet<Module>,
    found: BTreeSet<Module>,
}

impl Named<'_> {
    fn name(&mut self, path: &[String]) {
        let mut full = match path.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("self" | "super") => self.module.clone(),
            // What a file declares as its own module it may name without a prefix.
            Some(first) if self.modules.contains(&[self.module.as_slice(), &[first.to_owned()]].concat()) => {
                self.module.clone()
            }
            _ => return,
        };
        for part in path {
            match part.as_str() {
                "crate" | "self" => {}
                "super" => drop(full.pop()),
                part => full.push(part.to_owned()),
            }
        }
        while !full.is_empty() && !self.modules.contains(&full) {
            full.pop();
        }
        if !full.is_empty() {
            self.found.insert(full);
        }
    }

    fn name_tree(&mut self, before: &mut Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.name_tree(before, &path.tree);
                before.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|item| self.name_tree(before, item)),
            UseTree::Name(name) => self.name(&[before.as_slice(), &[name.ident.to_string()]].concat()),
            UseTree::Rename(rename) => self.name(&[before.as_slice(), &[rename.ident.to_string()]].concat()),
            UseTree::Glob(_) => self.name(before),
        }
    }
}

impl<'ast> Visit<'ast> for Named<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !attributes(item).iter().any(is_for_tests) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.name_tree(&mut Vec::new(), &item.tree);
    }

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if matches!(parts[0].as_str(), "crate" | "self" | "super") && parts.len() > 1 {
            self.name(&parts);
        }
        syn::visit::visit_path(self, path);
    }

    /// A macro's tokens are not parsed: paths are read from their text.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        // A visibility names nobody.
        let text = call.tokens.to_string().replace(" :: ", "::").replace("(in crate::", "(");
        for word in text.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':') {
            if word.starts_with("crate::") || word.starts_with("super::") {
                self.name(&word.split("::").map(str::to_owned).collect::<Vec<_>>());
            }
        }
        syn::visit::visit_macro(self, call);
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
}

/// The functions of formatted code, with their numbers of lines: each ends at the first closing
/// brace as far to the left as its own first line.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let Some((before, after)) = body.split_once("fn ") else { continue };
        let words = ["pub", "async", "const", "extern"];
        if !before.split(' ').all(|word| word.is_empty() || words.iter().any(|known| word.starts_with(known)))
        {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - body.len()]);
        let last = lines[at..].iter().position(|line| **line == end);
        found.push((
            after.split(['(', '<']).next().unwrap_or_default().to_owned(),
            last.map_or(1, |last| last + 1),
        ));
    }
    found
}

/// The module of a source file.
fn module_of(path: &Path) -> Module {
    let below = path.strip_prefix("src").expect("a source file").with_extension("");
    let mut module: Module =
        below.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

/// A file's code: without comments, and without its tests.
fn code_of(path: &Path) -> String {
    let text = read(path);
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}
