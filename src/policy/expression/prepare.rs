//! A tree as it is walked: what is the same for every request is taken out of it and given a name
//! that no user can write.

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::CelString;
use cel::common::value::Val;

use super::constant::{Addresses, Pattern};
use crate::base::cidr::Cidr;
use crate::config::scalar;
use crate::policy::attributes::{RANDOM, UUID};

/// Constants of one tree by their names.
pub(super) type Constants = Vec<(String, Box<dyn Val>)>;

/// # Errors
/// A constant that cannot be compiled.
pub(super) fn prepare(tree: &mut IdedExpr) -> Result<Constants, String> {
    let mut constants = Constants::new();
    walk(tree, &mut constants)?;
    Ok(constants)
}

fn walk(at: &mut IdedExpr, constants: &mut Constants) -> Result<(), String> {
    match &mut at.expr {
        Expr::Call(call) => {
            if let Some(target) = &mut call.target {
                walk(target, constants)?;
            }
            call.args.iter_mut().try_for_each(|arg| walk(arg, constants))?;
            if let Some(instead) = instead_of(call, constants)? {
                at.expr = instead;
            }
        }
        Expr::Select(select) => walk(&mut select.operand, constants)?,
        Expr::List(list) => {
            list.elements.iter_mut().try_for_each(|element| walk(element, constants))?;
        }
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    walk(&mut entry.key, constants)?;
                    walk(&mut entry.value, constants)?;
                }
            }
        }
        Expr::Comprehension(of) => {
            let parts = [
                &mut of.iter_range,
                &mut of.accu_init,
                &mut of.loop_cond,
                &mut of.loop_step,
                &mut of.result,
            ];
            parts.into_iter().try_for_each(|part| walk(part, constants))?;
        }
        Expr::Literal(_) | Expr::Ident(_) | Expr::Struct(_) | Expr::Unspecified => (),
    }
    Ok(())
}

/// What a call becomes, if it does not stay as it is but for its arguments.
fn instead_of(call: &mut CallExpr, constants: &mut Constants) -> Result<Option<Expr>, String> {
    match (call.func_name.as_str(), call.args.as_mut_slice()) {
        ("random", []) => Ok(Some(Expr::Ident(RANDOM.to_owned()))),
        ("uuid", []) => Ok(Some(Expr::Ident(UUID.to_owned()))),
        ("matches" | "regexReplace", [pattern, ..]) => {
            let regex = scalar::regex(literal(pattern)?)?;
            pattern.expr = keep(constants, Box::new(Pattern(regex)));
            Ok(None)
        }
        ("cidr", [set]) => {
            let text = literal(set)?;
            let set = Cidr::parse(text).ok_or_else(|| format!("`{text}`: no addresses"))?;
            Ok(Some(keep(constants, Box::new(Addresses(set)))))
        }
        ("default", [value, other]) => Ok(Some(default(value, other))),
        _ => Ok(None),
    }
}

/// `default(a.b.c, d)` is `a.?b.?c.orValue(d)`; what is no field or element of something is there.
fn default(value: &mut IdedExpr, other: &mut IdedExpr) -> Expr {
    let is_part = match &value.expr {
        Expr::Select(_) => true,
        Expr::Call(call) => call.func_name == operators::INDEX,
        _ => false,
    };
    let value = optional(std::mem::take(value));
    if !is_part {
        return value.expr;
    }
    Expr::Call(CallExpr {
        func_name: "orValue".to_owned(),
        target: Some(Box::new(value)),
        args: vec![std::mem::take(other)],
    })
}

/// The same, where nothing on the way has to be there. Headers always are.
fn optional(value: IdedExpr) -> IdedExpr {
    let id = value.id;
    let expr = match value.expr {
        Expr::Select(select) if select.field != HEADERS => {
            let name = LiteralValue::String(CelString::from(select.field));
            let field = IdedExpr { id, expr: Expr::Literal(name) };
            call(operators::OPT_SELECT, vec![optional(*select.operand), field])
        }
        Expr::Call(mut index) if index.func_name == operators::INDEX => {
            let operand = std::mem::take(&mut index.args[0]);
            index.args[0] = optional(operand);
            call(operators::OPT_INDEX, index.args)
        }
        there => there,
    };
    IdedExpr { id, expr }
}

fn call(name: &str, args: Vec<IdedExpr>) -> Expr {
    Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args })
}

fn keep(constants: &mut Constants, constant: Box<dyn Val>) -> Expr {
    let name = format!("@constant{}", constants.len());
    constants.push((name.clone(), constant));
    Expr::Ident(name)
}

fn literal(at: &IdedExpr) -> Result<&str, String> {
    match &at.expr {
        Expr::Literal(LiteralValue::String(text)) => Ok(text.inner()),
        _ => Err("not written out".to_owned()),
    }
}

/// Of a request or a response.
const HEADERS: &str = "headers";
