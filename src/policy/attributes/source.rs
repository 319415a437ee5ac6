//! `source`: who is at the other end, by its address and by the certificate it proved to have. What
//! the certificate says was read when the connection came; here it is borrowed.

use std::net::SocketAddr;

use cel::ExecutionError;
use cel::common::types::{CelInt, CelList, CelString};
use cel::common::value::{CowVal, Val};

use super::value::{self, Record, Recorded};
use crate::net::tls::{Identity, Workload};

/// What is not known is not there: an expression that names it fails.
#[derive(Clone, Copy, Debug, Default)]
pub struct Source<'a> {
    /// None behind a Unix socket.
    pub address: Option<SocketAddr>,
    /// None without TLS, and of a client that has no certificate.
    pub identity: Option<&'a Identity>,
}

impl Record for Source<'_> {
    fn get<'b, 'v>(&'b self, field: &str) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let missing = || ExecutionError::no_such_key(field);
        match field {
            "address" => {
                let address = self.address.ok_or_else(missing)?.ip().to_canonical().to_string();
                return Ok(CowVal::owned(CelString::from(address)));
            }
            "port" => {
                let port = self.address.ok_or_else(missing)?.port();
                return Ok(CowVal::owned(CelInt::from(i64::from(port))));
            }
            _ => (),
        }
        let identity = self.identity.ok_or_else(missing)?;
        let text = |text: &'v str| Ok(value::text(text.as_bytes()));
        match field {
            "subject" if !identity.subject.is_empty() => text(&identity.subject),
            "issuer" if !identity.issuer.is_empty() => text(&identity.issuer),
            "subjectCn" => text(identity.common_name.as_deref().ok_or_else(missing)?),
            "spiffeId" => text(identity.spiffe_id().ok_or_else(missing)?),
            "subjectAltNames" => Ok(CowVal::owned(alternative_names(identity))),
            "identity" => {
                let workload = identity.workload().ok_or_else(missing)?;
                Ok(CowVal::owned(Recorded(workload)))
            }
            _ => Err(missing()),
        }
    }
}

impl Record for Workload<'_> {
    fn get<'b, 'v>(&'b self, field: &str) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(value::text(match field {
            "trustDomain" => self.trust_domain.as_bytes(),
            "namespace" => self.namespace.as_bytes(),
            "serviceAccount" => self.service_account.as_bytes(),
            _ => return Err(ExecutionError::no_such_key(field)),
        }))
    }
}

/// Names, then addresses, as text.
fn alternative_names<'v>(identity: &'v Identity) -> CelList<'v> {
    let names = identity.alternative_names().map(CelString::from);
    let addresses = identity.addresses.iter().map(|address| CelString::from(address.to_string()));
    let all: Vec<Box<dyn Val + 'v>> =
        names.chain(addresses).map(|name| Box::new(name) as Box<dyn Val + 'v>).collect();
    CelList::from(all)
}
