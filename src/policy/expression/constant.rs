//! What an expression has compiled at load, as values of it: a pattern, a set of addresses.

use std::any::Any;

use cel::common::types::Type;
use cel::common::value::{StaticVal, Val};
use regex::Regex;

use crate::base::cidr::Cidr;

#[derive(Clone, Debug)]
pub(super) struct Pattern(pub Regex);

#[derive(Clone, Debug)]
pub(super) struct Addresses(pub Cidr);

pub(super) const PATTERN: Type = Type::new_unspecified_type("ringway.pattern");
pub(super) const ADDRESSES: Type = Type::new_unspecified_type("ringway.addresses");

macro_rules! constant {
    ($value:ty, $kind:expr) => {
        impl Val for $value {
            fn get_type(&self) -> &Type {
                <Self as Val>::cel_type()
            }

            fn cel_type() -> &'static Type {
                static KIND: Type = $kind;
                &KIND
            }

            fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
                Box::new(self.clone())
            }

            fn as_any(&self) -> Option<&dyn Any> {
                Some(self)
            }
        }

        impl StaticVal for $value {}
    };
}

constant!(Pattern, PATTERN);
constant!(Addresses, ADDRESSES);
