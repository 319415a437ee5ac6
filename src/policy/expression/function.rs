//! The functions of expressions that the language does not bring: what each makes of its arguments.
//! That they exist, and what they take, says `config::expression::vocabulary`.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use cel::common::types::{CelBool, CelList, CelString, STRING_TYPE, Type};
use cel::common::value::{CowVal, FromVal, Val};
use cel::{Env, ExecutionError};

use super::constant::{ADDRESSES, Addresses, PATTERN, Pattern};
use crate::limits::EXPRESSION_RESULT_BYTES_MAX;

/// The language: the same for every expression, and never changed.
pub(super) static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut environment = Env::stdlib();
    for (target, name, takes, function) in MEMBERS {
        let takes = takes.iter().map(ToOwned::to_owned).collect();
        environment
            .add_member_overload(name, name, target.to_owned(), takes, *function)
            .expect("no function is declared twice");
    }
    Arc::new(environment)
});

type Function = for<'b, 'v> fn(Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError>;

const MEMBERS: &[(Type, &str, &[Type], Function)] = &[
    (STRING_TYPE, "lowerAscii", &[], lower_ascii),
    (STRING_TYPE, "upperAscii", &[], upper_ascii),
    (STRING_TYPE, "trim", &[], trim),
    (STRING_TYPE, "stripPrefix", &[STRING_TYPE], strip_prefix),
    (STRING_TYPE, "stripSuffix", &[STRING_TYPE], strip_suffix),
    (STRING_TYPE, "split", &[STRING_TYPE], split),
    (STRING_TYPE, "matches", &[PATTERN], matches),
    (STRING_TYPE, "regexReplace", &[PATTERN, STRING_TYPE], regex_replace),
    (ADDRESSES, "containsIP", &[STRING_TYPE], contains_ip),
];

fn lower_ascii<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    text(&args, 0).map(|text| CowVal::owned(CelString::from(text.to_ascii_lowercase())))
}

fn upper_ascii<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    text(&args, 0).map(|text| CowVal::owned(CelString::from(text.to_ascii_uppercase())))
}

fn trim<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    part(&args, str::trim)
}

fn strip_prefix<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let prefix = text(&args, 1)?;
    part(&args, |text| text.strip_prefix(prefix).unwrap_or(text))
}

fn strip_suffix<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let suffix = text(&args, 1)?;
    part(&args, |text| text.strip_suffix(suffix).unwrap_or(text))
}

fn split<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (text, separator) = (text(&args, 0)?, text(&args, 1)?);
    if separator.is_empty() {
        return Err(ExecutionError::function_error("split", "an empty separator"));
    }
    let part = |part: &str| -> Box<dyn Val + 'v> { Box::new(CelString::from(part.to_owned())) };
    let parts: Vec<_> = text.split(separator).take(SPLIT_MAX + 1).map(part).collect();
    if parts.len() > SPLIT_MAX {
        return Err(ExecutionError::function_error("split", "too many parts"));
    }
    Ok(CowVal::owned(CelList::from(parts)))
}

fn matches<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (text, pattern) = (text(&args, 0)?, argument::<Pattern>(&args, 1)?);
    Ok(truth(pattern.0.is_match(text)))
}

fn regex_replace<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (text, pattern, by) = (text(&args, 0)?, argument::<Pattern>(&args, 1)?, text(&args, 2)?);
    let mut replaced = String::new();
    let mut end = 0;
    for found in pattern.0.captures_iter(text) {
        let whole = found.get(0).expect("group 0 is the whole match");
        replaced.push_str(&text[end..whole.start()]);
        found.expand(by, &mut replaced);
        end = whole.end();
        if replaced.len() > EXPRESSION_RESULT_BYTES_MAX.max(2 * text.len()) {
            return Err(ExecutionError::function_error("regexReplace", "too long"));
        }
    }
    replaced.push_str(&text[end..]);
    Ok(CowVal::owned(CelString::from(replaced)))
}

fn contains_ip<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (set, address) = (argument::<Addresses>(&args, 0)?, text(&args, 1)?);
    let address = address.parse::<IpAddr>();
    let address = address.map_err(|error| ExecutionError::function_error("containsIP", error))?;
    Ok(truth(set.0.contains(address)))
}

/// A part of the text, which stays borrowed where it is.
fn part<'b, 'v>(
    args: &[CowVal<'b, 'v>],
    of: impl Fn(&str) -> &str,
) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let whole = argument::<CelString<'v>>(args, 0)?;
    Ok(CowVal::owned(match whole.as_borrowed() {
        Some(borrowed) => CelString::from(of(borrowed)),
        None => CelString::from(of(whole.inner()).to_owned()),
    }))
}

fn truth<'b, 'v>(value: bool) -> CowVal<'b, 'v> {
    CowVal::owned(CelBool::from(value))
}

fn text<'a, 'v>(args: &'a [CowVal<'_, 'v>], index: usize) -> Result<&'a str, ExecutionError> {
    argument::<CelString<'v>>(args, index).map(CelString::inner)
}

/// The overloads say what stands where.
fn argument<'a, 'v, T: FromVal<'a, 'v>>(
    args: &'a [CowVal<'_, 'v>],
    index: usize,
) -> Result<&'a T, ExecutionError> {
    let argument = args.get(index).and_then(|argument| argument.downcast_ref::<T>());
    argument.ok_or_else(ExecutionError::missing_argument_or_target)
}

const SPLIT_MAX: usize = 1024;
