//! Certificates, keys, roots and prices out of the files that control has read. What is wrong with one is
//! told at the key of the configuration that names it. Owns the problems that it finds.

use std::sync::Arc;

use super::Inputs;
use crate::config::catalog::{Catalog, Source};
use crate::config::file::FilePath;
use crate::config::{Config, Diagnostics};
use crate::limits::CATALOG_BYTES_MAX;
use crate::llm::price::Prices;
use crate::net::tls::{Certificate, Pem, SettingsError, TrustedRoots};
use crate::snapshot::tls::Keyring;

pub(super) struct Materials<'a> {
    inputs: &'a Inputs<'a>,
    pub(super) keyring: &'a mut Keyring,
    found: Diagnostics,
}

impl<'a> Materials<'a> {
    pub(super) fn new(config: &Config, inputs: &'a Inputs<'a>, keyring: &'a mut Keyring) -> Self {
        Self { inputs, keyring, found: Diagnostics::new(&config.written.origin) }
    }

    /// All that is wrong with the files, if anything is.
    pub(super) fn wrong(self) -> Option<String> {
        let nothing = self.found.is_empty();
        (!nothing).then(|| self.found.sorted().to_string())
    }

    pub(super) fn certificate(&mut self, cert: &FilePath, key: &FilePath) -> Option<Certificate> {
        let (chain, secret) = (self.read(cert), self.read(key));
        let (chain, secret) = (chain?, secret?);
        let (chain_name, key_name) = (name(cert), name(key));
        let loaded = Certificate::load(
            Pem { name: &chain_name, bytes: &chain },
            Pem { name: &key_name, bytes: &secret },
        );
        loaded
            .map_err(|error| {
                let place = if is_of_key(&error, &key_name) { key } else { cert };
                self.tell(place, error.to_string());
            })
            .ok()
    }

    pub(super) fn roots(&mut self, root: &FilePath) -> Option<TrustedRoots> {
        let bytes = self.read(root)?;
        let loaded = TrustedRoots::load(Pem { name: &name(root), bytes: &bytes });
        loaded.map_err(|error| self.tell(root, error.to_string())).ok()
    }

    /// What models cost: all of `sources`, of which the later go before.
    pub(super) fn prices<'s>(
        &mut self,
        sources: impl IntoIterator<Item = &'s Source>,
    ) -> Option<Arc<Prices>> {
        let mut whole: Option<Catalog> = None;
        for source in sources {
            let read;
            let catalog = match source {
                Source::Inline(catalog) => catalog,
                Source::File(file) => {
                    read = self.catalog(file)?;
                    &read
                }
            };
            whole.get_or_insert_default().extend(catalog);
        }
        whole.map(|catalog| Arc::new(Prices::compile(&catalog)))
    }

    fn catalog(&mut self, file: &FilePath) -> Option<Catalog> {
        let bytes = self.read(file)?;
        let name = name(file);
        let text = match str::from_utf8(&bytes) {
            Ok(text) if bytes.len() <= CATALOG_BYTES_MAX => text,
            Ok(_) => {
                self.tell(file, format!("{name} has more than {CATALOG_BYTES_MAX} bytes"));
                return None;
            }
            Err(_) => {
                self.tell(file, format!("{name} is no UTF-8"));
                return None;
            }
        };
        let parsed = crate::config::catalog::parse(text, &name);
        parsed.map_err(|found| self.tell(file, found.to_string())).ok()
    }

    pub(super) fn read(&mut self, file: &FilePath) -> Option<Arc<[u8]>> {
        let read = (self.inputs.file)(file.path());
        read.map_err(|why| self.tell(file, format!("cannot read {}: {why}", name(file)))).ok()
    }

    /// Once for each place, however many clusters are made of it.
    pub(super) fn tell(&mut self, file: &FilePath, message: String) {
        let problem = file.problem(message);
        if !self.found.problems().contains(&problem) {
            self.found.push(problem);
        }
    }
}

fn name(file: &FilePath) -> String {
    file.path().display().to_string()
}

/// Which of the two files it is about.
fn is_of_key(error: &SettingsError, key: &str) -> bool {
    match error {
        SettingsError::NoKey { .. }
        | SettingsError::EncryptedKey { .. }
        | SettingsError::BadKey { .. }
        | SettingsError::KeyMismatch { .. } => true,
        SettingsError::Oversized { file } | SettingsError::NotPem { file, .. } => **file == *key,
        _ => false,
    }
}
