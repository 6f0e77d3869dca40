//! Files of one test, removed with the value.

use std::path::{Path, PathBuf};

use uuid::Uuid;

/// A directory of a test's own.
pub(crate) struct Files(PathBuf);

impl Files {
    /// Makes an empty directory.
    pub(crate) fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("token-refresh-it-{}", Uuid::now_v7().simple()));
        std::fs::create_dir(&directory).expect("a directory for the test's files");
        Self(directory)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file of the test");
        path.to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
