//! Printing an error with everything that caused it.

use std::{error::Error, fmt};

/// An error and its causes on one line, `a: b: c`: a text that prints only the outermost message
/// hides the reason. A cause that its error repeats, as lapin's and reqwest's do, stands once.
pub struct Chain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = self.0.to_string();
        f.write_str(&told)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            if !told.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            told = text;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::Chain;

    #[derive(Debug, thiserror::Error)]
    enum Layer {
        #[error("cannot store")]
        Silent(#[source] io::Error),
        #[error("cannot store: {0}")]
        Repeating(#[source] io::Error),
        #[error("giving up")]
        Outer(#[source] Box<Layer>),
    }

    #[test]
    fn every_cause_is_told_once() {
        let full = || io::Error::other("disk full");
        assert_eq!(Chain(&Layer::Silent(full())).to_string(), "cannot store: disk full");
        assert_eq!(Chain(&Layer::Repeating(full())).to_string(), "cannot store: disk full");
        let outer = Layer::Outer(Box::new(Layer::Repeating(full())));
        assert_eq!(Chain(&outer).to_string(), "giving up: cannot store: disk full");
    }
}
