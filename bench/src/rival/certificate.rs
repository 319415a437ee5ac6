//! The certificate that every subject shows: ECDSA P-256, signed by itself, made for one run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::load::tls::{self, Trust};

pub(crate) struct Certificate {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    /// Both in one file, for haproxy.
    pub(crate) both: PathBuf,
    pub(crate) trust: Arc<Trust>,
}

impl Certificate {
    pub(crate) fn make(folder: &Path) -> io::Result<Self> {
        let names = vec![tls::SERVER_NAME.to_owned()];
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(names).map_err(io::Error::other)?;
        let path = |name: &str| folder.join(name);
        let (chain, key, both) = (path("chain.pem"), path("key.pem"), path("both.pem"));
        let (chain_text, key_text) = (cert.pem(), signing_key.serialize_pem());
        fs::write(&chain, &chain_text)?;
        fs::write(&key, &key_text)?;
        fs::write(&both, chain_text + &key_text)?;
        let trust = Arc::new(Trust::only(cert.der().clone())?);
        Ok(Self { chain, key, both, trust })
    }
}
