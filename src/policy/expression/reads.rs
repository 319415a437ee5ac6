//! Which bodies an expression looks into: only those are gathered. Who passes `request` on as a whole
//! may look into its body.

use std::ops::BitOr;

use cel::common::ast::{EntryExpr, Expr, IdedExpr, MapExpr, StructExpr};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    pub request: bool,
    pub response: bool,
}

impl Reads {
    pub(super) fn of(tree: &IdedExpr) -> Self {
        let all = |trees: &[&IdedExpr]| {
            trees.iter().fold(Self::default(), |reads, tree| reads | Self::of(tree))
        };
        match &tree.expr {
            Expr::Ident(name) => Self { request: name == "request", response: name == "response" },
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(_) if select.field != "body" => Self::default(),
                _ => Self::of(&select.operand),
            },
            Expr::Call(call) => {
                all(&call.target.as_deref().into_iter().chain(&call.args).collect::<Vec<_>>())
            }
            Expr::List(list) => all(&list.elements.iter().collect::<Vec<_>>()),
            Expr::Comprehension(of) => {
                all(&[&of.iter_range, &of.accu_init, &of.loop_cond, &of.loop_step, &of.result])
            }
            Expr::Map(MapExpr { entries }) | Expr::Struct(StructExpr { entries, .. }) => {
                let parts = entries.iter().map(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) => all(&[&entry.key, &entry.value]),
                    EntryExpr::StructField(field) => Self::of(&field.value),
                });
                parts.fold(Self::default(), BitOr::bitor)
            }
            Expr::Literal(_) | Expr::Unspecified => Self::default(),
        }
    }
}

impl BitOr for Reads {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self { request: self.request || other.request, response: self.response || other.response }
    }
}
