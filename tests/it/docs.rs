//! What people rely on is read here: settings, commands in documents, guarantees.

mod guarantees;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use clap::{Command, CommandFactory};
use token_refresh::{commands::Cli, config::SECRET_SETTINGS};

use crate::support::project::{read, sources};

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
    let mut documents = ["README.md", "deploy/README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
        .map(PathBuf::from)
        .to_vec();
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
