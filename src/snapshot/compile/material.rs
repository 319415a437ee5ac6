//! Certificates, keys and roots out of the files that control has read. What is wrong with one is
//! told at the key of the configuration that names it. Owns the problems that it finds.

use std::sync::Arc;

use super::Inputs;
use crate::config::file::FilePath;
use crate::config::{Config, Diagnostics};
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
