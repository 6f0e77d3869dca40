//! What people rely on is read here: settings, commands in documents, and the layers of the code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use clap::{Command, CommandFactory};
use token_refresh::{commands::Cli, config::SECRET_SETTINGS};

/// What `deploy/env.example` must say of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    default: String,
    meaning: String,
}

#[test]
fn the_example_of_the_environment_has_every_setting_and_no_other() {
    let known = settings();
    let text = read("deploy/env.example");
    let mut found = BTreeMap::new();
    let mut meaning = Vec::new();
    for line in text.lines() {
        let assignment = line.strip_prefix('#').unwrap_or(line).split_once('=');
        match assignment.filter(|(name, _)| is_name(name)) {
            Some((name, default)) => {
                let setting = Setting { default: default.to_owned(), meaning: meaning.join(" ") };
                let twice = found.insert(name.to_owned(), setting);
                assert_eq!(twice, None, "{name} stands there twice");
                meaning.clear();
            }
            None if line.is_empty() => meaning.clear(),
            None => {
                let text =
                    line.strip_prefix("# ").unwrap_or_else(|| panic!("neither setting nor comment: {line}"));
                meaning.push(text.to_owned());
            }
        }
    }
    let names = |settings: &BTreeMap<String, Setting>| settings.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&found), names(&known));
    for (name, setting) in &known {
        assert_eq!(&found[name], setting, "{name} in deploy/env.example is not what --help says");
    }
}

/// Every variable that the program reads, with its default and its meaning.
fn settings() -> BTreeMap<String, Setting> {
    let mut settings = BTreeMap::new();
    for secret in SECRET_SETTINGS {
        let meaning = one_line(secret.meaning);
        settings.insert(secret.name.to_owned(), Setting { default: String::new(), meaning });
        let meaning = format!("A file that holds {} instead.", secret.name);
        settings.insert(secret.file_name(), Setting { default: String::new(), meaning });
    }
    for command in all_commands(&Cli::command()) {
        for argument in command.get_arguments() {
            let Some(name) = argument.get_env() else { continue };
            let name = name.to_str().expect("ASCII").to_owned();
            let default = argument.get_default_values().first();
            let default = default.map(|default| default.to_string_lossy().into_owned()).unwrap_or_default();
            let help = argument.get_long_help().or(argument.get_help());
            let meaning = one_line(&help.expect("every option has help").to_string());
            let setting = Setting { default, meaning };
            let known = settings.insert(name.clone(), setting.clone());
            assert!(known.is_none_or(|known| known == setting), "{name} means different things");
        }
    }
    settings
}

fn all_commands(command: &Command) -> Vec<Command> {
    let mut commands = vec![command.clone()];
    for subcommand in command.get_subcommands() {
        commands.extend(all_commands(subcommand));
    }
    commands
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

#[test]
fn commands_and_flags_that_documents_and_messages_name_exist() {
    let program = Cli::command();
    let mut documents = vec![PathBuf::from("README.md"), PathBuf::from("deploy/README.md")];
    documents.extend(sources());
    let mut seen = 0;
    for document in documents {
        let text = read(&document);
        for (at, _) in text.match_indices("token-refresh ") {
            // Elsewhere the words stand among prose, or name a connection.
            if !matches!(text[..at].chars().next_back(), Some('`' | '\n' | '(')) {
                continue;
            }
            let line: &str = text[at..].lines().next().unwrap_or_default();
            let quoted = line.split(['`', '#', '|', ')', '&', ';']).next().unwrap_or_default();
            let mut words = quoted.split_whitespace().skip(1);
            let Some(first) = words.next() else { continue };
            let known = |command: &Command, word: &str| command.find_subcommand(word).cloned();
            let mut command = known(&program, first)
                .unwrap_or_else(|| panic!("{}: no command \"{first}\" in: {line}", document.display()));
            seen += 1;
            while command.has_subcommands() {
                let Some(word) = words.next() else { break };
                command = known(&command, word).unwrap_or_else(|| {
                    panic!("{}: no command \"{first} {word}\" in: {line}", document.display())
                });
            }
            for flag in words.filter_map(|word| word.strip_prefix("--")) {
                let flag = flag.split('=').next().unwrap_or_default().trim_end_matches([',', '.', '"', ']']);
                let has = command.get_arguments().any(|argument| argument.get_long() == Some(flag));
                let global = program.get_arguments().any(|argument| argument.get_long() == Some(flag));
                assert!(
                    has || global,
                    "{}: {} has no --{flag}: {line}",
                    document.display(),
                    command.get_name()
                );
            }
        }
    }
    assert!(seen > 30, "only {seen} commands were found: has the way of writing them changed?");
}

/// Which modules each may name, besides itself: the words for all, then only what stands above it.
const LAYERS: [(&str, &[&str]); 18] = [
    // Words.
    ("text_enum", &[]),
    ("domain", &["text_enum"]),
    ("message", &["text_enum", "domain"]),
    // Tools without a word of the business.
    ("logging", &["text_enum"]),
    // Adapters, which do not know each other.
    ("crypto", &["text_enum", "domain"]),
    ("store", &["text_enum", "domain", "message"]),
    ("ebay", &["domain", "message"]),
    ("queue", &["domain"]),
    // Readers of files, and the independent check: words only.
    ("import", &["text_enum", "domain"]),
    ("fake_ebay", &["domain"]),
    // Flow.
    ("connect_log", &["domain", "message", "logging", "store", "queue"]),
    ("refresh", &["domain", "message", "logging", "crypto", "store", "ebay", "queue", "connect_log"]),
    // Surfaces.
    ("terminal", &["text_enum", "domain", "message", "store", "queue"]),
    (
        "admin",
        &[
            "domain",
            "message",
            "logging",
            "crypto",
            "store",
            "queue",
            "connect_log",
            "refresh",
            "terminal",
            "process",
        ],
    ),
    // Assembly: the configuration builds what it configures, the commands know everything.
    ("config", &["logging", "crypto", "store", "queue", "refresh"]),
    (
        "process",
        &[
            "message",
            "logging",
            "crypto",
            "store",
            "ebay",
            "queue",
            "connect_log",
            "refresh",
            "admin",
            "config",
        ],
    ),
    (
        "commands",
        &[
            "domain",
            "message",
            "logging",
            "crypto",
            "store",
            "ebay",
            "queue",
            "import",
            "fake_ebay",
            "connect_log",
            "refresh",
            "terminal",
            "config",
            "process",
        ],
    ),
    ("main", &["commands"]),
];

#[test]
fn a_module_names_only_those_above_it() {
    let allowed: BTreeMap<_, BTreeSet<_>> =
        LAYERS.iter().map(|(module, may)| (*module, may.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for path in sources() {
        let module = module_of(&path);
        if module == "lib" {
            continue;
        }
        let may: &BTreeSet<&str> =
            allowed.get(module.as_str()).unwrap_or_else(|| panic!("{module} has no layer: add it to LAYERS"));
        for named in named_modules(&code_of(&path)) {
            if named != module && !may.contains(named.as_str()) {
                wrong.push(format!("{} names {named}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sql_amqp_and_environment_stand_in_one_module_each() {
    let rules: [(&str, &[&str], &[&str]); 4] = [
        ("the database's driver", &["tokio_postgres", "deadpool_postgres", "refinery"], &["store"]),
        ("the broker's driver", &["lapin"], &["queue"]),
        ("the environment", &["env::var", "env = \"", "env::args", "env::set_var"], &["config"]),
        ("the HTTP client", &["reqwest"], &["ebay"]),
    ];
    let mut wrong = Vec::new();
    for path in sources() {
        let (module, code) = (module_of(&path), code_of(&path));
        for (what, words, allowed) in rules {
            for word in words.iter().filter(|word| code.contains(**word)) {
                // A log filter names libraries, not their types.
                let quiet = module == "logging"
                    && code.contains(&format!("{word}=off")) | code.contains(&format!("{word}=warn"));
                if !allowed.contains(&module.as_str()) && !quiet {
                    wrong.push(format!("{}: {word} ({what})", path.display()));
                }
            }
        }
        if module != "store" {
            let statements =
                ["select ", "insert into ", "update ", "delete from ", "create table ", "alter table "];
            for text in code.split('"').skip(1).step_by(2) {
                let text = text.trim_start().to_ascii_lowercase();
                let is_sql = text.starts_with("/* ")
                    || statements.iter().any(|start| text.starts_with(start) && text.contains(" where "));
                if is_sql {
                    wrong.push(format!("{}: SQL: {text}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The modules that `code` names through `crate::`.
fn named_modules(code: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if !rest.starts_with('{') {
            named.insert(identifier(rest));
            continue;
        }
        let (mut depth, mut begins) = (0, false);
        for (at, character) in rest.char_indices() {
            match character {
                '{' => (depth, begins) = (depth + 1, depth == 0),
                '}' if depth == 1 => break,
                '}' => depth -= 1,
                ',' if depth == 1 => begins = true,
                _ if begins && !character.is_whitespace() => {
                    named.insert(identifier(&rest[at..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    named
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|character| character.is_ascii_alphanumeric() || *character == '_').collect()
}

/// The first part of a source file's path below `src`.
fn module_of(path: &Path) -> String {
    let below = path.strip_prefix("src").expect("a source file");
    let first = below.components().next().expect("a path").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// A file's code: without comments, and without its tests.
fn code_of(path: &Path) -> String {
    let text = read(path);
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// All source files but those of tests, from the crate's root.
fn sources() -> Vec<PathBuf> {
    let (mut found, mut directories) = (Vec::new(), vec![PathBuf::from("src")]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(root().join(&directory)).expect("src can be read") {
            let path = directory.join(entry.expect("src can be read").file_name());
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if root().join(&path).is_dir() {
                if name != "tests" {
                    directories.push(path);
                }
            } else if path.extension().is_some_and(|end| end == "rs")
                && name != "tests.rs"
                && !name.ends_with("_tests.rs")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
