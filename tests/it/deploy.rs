//! `deploy/servers.compose.yaml`, which nothing here can start: it is read, and held to what tests need.

use std::fs;

use yaml_rust2::{Yaml, YamlLoader};

fn read(path: &str) -> String {
    let path = format!("{}/deploy/{path}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn strings(list: &Yaml) -> Vec<&str> {
    list.as_vec().expect("a list").iter().map(|text| text.as_str().expect("a string")).collect()
}

#[test]
fn servers_in_containers_are_on_loopback_only_and_like_those_from_packages() {
    let text = read("servers.compose.yaml");
    let parsed = YamlLoader::load_from_str(&text).expect("it is YAML");
    let services = &parsed[0]["services"];
    for name in ["postgres", "rabbitmq"] {
        let service = &services[name];
        let image = service["image"].as_str().expect("an image");
        assert!(image.starts_with(&format!("${{{}_IMAGE:-{name}:", name.to_uppercase())), "{image}");
        assert_eq!(strings(&service["healthcheck"]["test"])[0], "CMD", "{name} has a health check");
        for port in strings(&service["ports"]) {
            let published = port.rsplit_once(':').expect("a pair").0;
            assert!(published.starts_with("127.0.0.1:"), "{name} is open to other machines: {port}");
            assert!(text.contains(&format!("@{published}")), "no export at the top names {published}");
        }
        for volume in strings(&service["volumes"]) {
            let source = volume.split(':').next().expect("a first part");
            match source.strip_prefix("./") {
                Some(file) => assert!(!read(file).is_empty(), "{file}"),
                None => assert!(!parsed[0]["volumes"][source].is_badvalue(), "{source} is no volume"),
            }
        }
    }
    let settings = strings(&services["postgres"]["command"]).join(" ");
    let packaged = read("local.d/postgres.sh");
    assert!(packaged.contains(&format!("postgres_settings='{settings}'")), "not the same: {settings}");
}
