//! What is known of an expression before it runs: whether its names exist, whether its operators
//! and functions take what they are given, how deep it goes. What only a value can tell is let
//! pass; it fails when it is met. Owns no state.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, MapExpr, SelectExpr,
    SourceInfo, StructExpr, operators,
};

use super::super::diagnostic::nearest;
use super::super::reader::UNSUPPORTED as NOT_YET;
use super::super::scalar;
use super::vocabulary::{
    FUNCTIONS, Function, Kind, LLM_REQUEST, Literal, UNSUPPORTED, UNSUPPORTED_FUNCTIONS, Variable,
};
use super::{Fault, Wants, When};
use crate::base::cidr::Cidr;
use crate::limits::EXPRESSION_LOOPS_MAX;

/// All that is wrong with the tree.
pub(super) fn check(tree: &IdedExpr, places: &SourceInfo, wants: Wants, when: When) -> Vec<Fault> {
    let mut checker = Checker { places, when, scope: Vec::new(), faults: Vec::new(), loops: 0 };
    let kind = checker.kind(tree);
    if checker.faults.is_empty() && !wants.takes(kind) {
        let message = format!("gives {}, and {} is wanted", kind.name(), wants.name());
        checker.faults.push(Fault { message, hint: None });
    }
    checker.faults
}

/// Whether the tree is no deeper than `depth`.
pub(super) fn fits(tree: &IdedExpr, depth: usize) -> bool {
    let Some(left) = depth.checked_sub(1) else { return false };
    let fit = |at: &IdedExpr| fits(at, left);
    match &tree.expr {
        Expr::Literal(_) | Expr::Ident(_) | Expr::Unspecified => true,
        Expr::Select(select) => fit(&select.operand),
        Expr::Call(call) => call.target.as_deref().is_none_or(fit) && call.args.iter().all(fit),
        Expr::List(list) => list.elements.iter().all(fit),
        Expr::Comprehension(of) => {
            [&of.iter_range, &of.accu_init, &of.loop_cond, &of.loop_step, &of.result]
                .into_iter()
                .all(fit)
        }
        Expr::Map(MapExpr { entries }) | Expr::Struct(StructExpr { entries, .. }) => {
            entries.iter().all(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => fit(&entry.key) && fit(&entry.value),
                EntryExpr::StructField(field) => fit(&field.value),
            })
        }
    }
}

struct Checker<'a> {
    places: &'a SourceInfo,
    when: When,
    /// Variables of the loops around.
    scope: Vec<(&'a str, Kind)>,
    faults: Vec<Fault>,
    loops: usize,
}

impl<'a> Checker<'a> {
    fn kind(&mut self, at: &'a IdedExpr) -> Kind {
        match &at.expr {
            Expr::Literal(literal) => literal_kind(literal),
            Expr::Ident(name) => self.variable(at, name),
            Expr::Select(select) => self.field(at, select),
            Expr::Call(call) => self.call(at, call),
            Expr::Comprehension(comprehension) => self.comprehension(at, comprehension),
            Expr::List(list) => {
                for element in &list.elements {
                    self.kind(element);
                }
                Kind::List
            }
            Expr::Map(map) => {
                map.entries.iter().for_each(|entry| self.entry(&entry.expr));
                Kind::Map
            }
            Expr::Struct(message) => {
                self.fail(at, &format!("no message is called `{}`", message.type_name), None);
                Kind::Any
            }
            Expr::Unspecified => Kind::Any,
        }
    }

    fn entry(&mut self, entry: &'a EntryExpr) {
        if let EntryExpr::MapEntry(entry) = entry {
            self.kind(&entry.key);
            self.kind(&entry.value);
        }
    }

    fn variable(&mut self, at: &IdedExpr, name: &str) -> Kind {
        if let Some((_, kind)) = self.scope.iter().rev().find(|(known, _)| *known == name) {
            return *kind;
        }
        let found = Variable::ALL.into_iter().find(|variable| variable.name() == name);
        match found {
            Some(Variable::Response) if self.when != When::Response => {
                self.fail(at, "there is no `response` yet", None);
            }
            Some(variable) => return Kind::Record(variable),
            None if name == LLM_REQUEST && self.when == When::Model => return Kind::Map,
            None if name == LLM_REQUEST => {
                let hint = "it is in transformations of `policies.ai` and of models".to_owned();
                self.fail(at, "there is no `llmRequest` here", Some(hint));
            }
            None if TYPES.contains(&name) => return Kind::Type,
            None if UNSUPPORTED.contains(&name) => self.fail(at, &not_yet(name), None),
            None => {
                let known = Variable::ALL.iter().map(|variable| variable.name());
                let known = known.chain(self.scope.iter().map(|(name, _)| *name));
                let known: Vec<_> = known.filter(|name| !name.starts_with('@')).collect();
                self.fail_near(at, &format!("unknown variable `{name}`"), name, &known);
            }
        }
        Kind::Any
    }

    fn field(&mut self, at: &'a IdedExpr, select: &'a SelectExpr) -> Kind {
        let operand = self.kind(&select.operand);
        let kind = self.field_of(at, operand, &select.field);
        if select.test { Kind::Bool } else { kind }
    }

    fn field_of(&mut self, at: &IdedExpr, operand: Kind, name: &str) -> Kind {
        match operand {
            Kind::Record(variable) => {
                let fields = variable.fields();
                if let Some((_, kind)) = fields.iter().find(|(field, _)| *field == name) {
                    return *kind;
                }
                if variable.is_open() {
                    return Kind::Any;
                }
                let whole = format!("{}.{name}", variable.name());
                if variable.unsupported().contains(&name) {
                    self.fail(at, &not_yet(&whole), None);
                } else {
                    let known: Vec<_> = fields.iter().map(|(field, _)| *field).collect();
                    self.fail_near(at, &format!("unknown field `{whole}`"), name, &known);
                }
            }
            Kind::Headers => return Kind::Text,
            Kind::Optional => return Kind::Optional,
            Kind::Any | Kind::Map => (),
            other => self.fail(at, &format!("{} has no field `{name}`", other.name()), None),
        }
        Kind::Any
    }

    fn call(&mut self, at: &'a IdedExpr, call: &'a CallExpr) -> Kind {
        let name = call.func_name.as_str();
        if name == operators::OPT_SELECT {
            return self.optional_field(at, call);
        }
        let target = call.target.as_deref().map(|target| self.kind(target));
        let kinds: Vec<Kind> = call.args.iter().map(|arg| self.kind(arg)).collect();
        match (name, kinds.as_slice()) {
            (operators::CONDITIONAL, [condition, yes, no]) => {
                self.must(at, "a condition", *condition, Kind::Bool);
                join(*yes, *no)
            }
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [left, right]) => {
                self.must(at, "`&&` and `||`: each side", *left, Kind::Bool);
                self.must(at, "`&&` and `||`: each side", *right, Kind::Bool);
                Kind::Bool
            }
            (operators::LOGICAL_NOT, [operand]) => {
                self.must(at, "`!`: what follows", *operand, Kind::Bool);
                Kind::Bool
            }
            (operators::NOT_STRICTLY_FALSE, _) => Kind::Bool,
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
                if !comparable(*left, *right) && *left != Kind::Null && *right != Kind::Null {
                    let (left, right) = (left.name(), right.name());
                    self.fail(at, &format!("{left} is never equal to {right}"), None);
                }
                Kind::Bool
            }
            (
                operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS,
                [left, right],
            ) => {
                if !comparable(*left, *right) {
                    let (left, right) = (left.name(), right.name());
                    self.fail(at, &format!("{left} is not compared with {right}"), None);
                }
                Kind::Bool
            }
            (operators::IN, [_, container]) => {
                let holds = [Kind::List, Kind::Map, Kind::Headers, Kind::Any];
                if !holds.contains(container) {
                    self.fail(at, &format!("`in`: {} holds nothing", container.name()), None);
                }
                Kind::Bool
            }
            (operators::INDEX, [operand, index]) => self.element(at, *operand, *index),
            (operators::OPT_INDEX, [operand, index]) => {
                self.element(at, *operand, *index);
                Kind::Optional
            }
            (operators::NEGATE, [operand]) if matches!(operand, Kind::Int | Kind::Double) => {
                *operand
            }
            (operators::NEGATE, [Kind::Any]) => Kind::Any,
            (_, [left, right]) if ARITHMETIC.iter().any(|(known, _)| *known == name) => {
                self.arithmetic(at, name, *left, *right)
            }
            _ => self.function(at, call, target, &kinds),
        }
    }

    fn optional_field(&mut self, at: &'a IdedExpr, call: &'a CallExpr) -> Kind {
        if let [operand, field] = call.args.as_slice() {
            let operand = self.kind(operand);
            if let Expr::Literal(LiteralValue::String(name)) = &field.expr {
                self.field_of(at, operand, name.inner());
            }
        }
        Kind::Optional
    }

    fn element(&mut self, at: &IdedExpr, operand: Kind, index: Kind) -> Kind {
        match operand {
            Kind::Headers => {
                self.must(at, "the name of a header", index, Kind::Text);
                return Kind::Text;
            }
            Kind::Optional => return Kind::Optional,
            Kind::List if !index.is_number() && index != Kind::Any => {
                self.fail(at, "a list has its elements by number", None);
            }
            Kind::List | Kind::Map | Kind::Any => (),
            other => self.fail(at, &format!("{} has no elements", other.name()), None),
        }
        Kind::Any
    }

    fn arithmetic(&mut self, at: &IdedExpr, name: &str, left: Kind, right: Kind) -> Kind {
        let takes =
            ARITHMETIC.iter().find(|(known, _)| *known == name).map_or(&[][..], |row| row.1);
        let fits = |kind| kind == Kind::Any || takes.contains(&kind);
        if fits(left) && fits(right) && (left == right || left == Kind::Any || right == Kind::Any) {
            return if left == Kind::Any { right } else { left };
        }
        let sign = name.trim_matches('_');
        let hint = (left.is_number() && right.is_number())
            .then(|| "numbers of two types are converted by int(), uint() or double()".to_owned());
        self.fail(at, &format!("`{sign}` of {} and {}", left.name(), right.name()), hint);
        Kind::Any
    }

    fn function(
        &mut self,
        at: &IdedExpr,
        call: &CallExpr,
        target: Option<Kind>,
        kinds: &[Kind],
    ) -> Kind {
        let name = call.func_name.as_str();
        let mut named = FUNCTIONS.iter().filter(|function| function.name == name).peekable();
        if named.peek().is_none() {
            self.unknown_function(at, name);
            return Kind::Any;
        }
        let fits = |function: &&Function| {
            let target = match (function.target, target) {
                (None, None) => true,
                (Some(wanted), Some(given)) => takes(wanted, given),
                _ => false,
            };
            target
                && function.takes.len() == kinds.len()
                && function.takes.iter().zip(kinds).all(|(wanted, given)| takes(*wanted, *given))
        };
        match named.clone().find(fits) {
            Some(function) => {
                if let Some(literal) = function.literal {
                    self.literal(at, call, literal);
                }
                if name == "default" { join(kinds[0], kinds[1]) } else { function.gives }
            }
            None => {
                let forms: Vec<String> = named.map(form).collect();
                let hint = format!("it is {}", forms.join(" or "));
                self.fail(at, &format!("`{name}` does not take what it is given"), Some(hint));
                Kind::Any
            }
        }
    }

    fn unknown_function(&mut self, at: &IdedExpr, name: &str) {
        if UNSUPPORTED_FUNCTIONS.contains(&name) {
            self.fail(at, &not_yet(name), None);
            return;
        }
        let macros = ["has", "all", "exists", "exists_one", "map", "filter"];
        if macros.contains(&name) {
            self.fail(at, &format!("`{name}` is not used like this"), None);
            return;
        }
        let known: Vec<_> = FUNCTIONS.iter().map(|function| function.name).chain(macros).collect();
        self.fail_near(at, &format!("unknown function `{name}`"), name, &known);
    }

    /// What is compiled once has to be written out: a pattern that a client sends could take any
    /// time.
    fn literal(&mut self, at: &IdedExpr, call: &CallExpr, literal: Literal) {
        let what = match literal {
            Literal::Regex => "a regular expression",
            Literal::Cidr => "a set of addresses",
        };
        let written = call.args.first().map(|arg| &arg.expr);
        let Some(Expr::Literal(LiteralValue::String(text))) = written else {
            self.fail(at, &format!("{what} is written out, in quotes"), None);
            return;
        };
        let wrong = match literal {
            Literal::Regex => scalar::regex(text.inner()).err(),
            Literal::Cidr => Cidr::parse(text.inner())
                .is_none()
                .then(|| format!("`{}` is no set of addresses, as in 10.0.0.0/8", text.inner())),
        };
        if let Some(wrong) = wrong {
            self.fail(at, &wrong, None);
        }
    }

    fn comprehension(&mut self, at: &'a IdedExpr, of: &'a ComprehensionExpr) -> Kind {
        let range = self.kind(&of.iter_range);
        let item = match range {
            Kind::Headers => Kind::Text,
            Kind::List | Kind::Map | Kind::Any => Kind::Any,
            other => {
                self.fail(at, &format!("{} has no elements", other.name()), None);
                Kind::Any
            }
        };
        if self.loops >= EXPRESSION_LOOPS_MAX {
            self.fail(at, &format!("more than {EXPRESSION_LOOPS_MAX} loops in each other"), None);
            return Kind::Any;
        }
        let begin = self.kind(&of.accu_init);
        let outside = self.scope.len();
        self.scope.push((&of.accu_var, begin));
        self.scope.push((&of.iter_var, item));
        self.loops += 1;
        self.kind(&of.loop_cond);
        self.kind(&of.loop_step);
        self.loops -= 1;
        self.scope.truncate(outside + 1);
        let result = self.kind(&of.result);
        self.scope.truncate(outside);
        result
    }

    fn must(&mut self, at: &IdedExpr, what: &str, given: Kind, wanted: Kind) {
        if !takes(wanted, given) {
            self.fail(at, &format!("{what} is {}, not {}", wanted.name(), given.name()), None);
        }
    }

    fn fail_near(&mut self, at: &IdedExpr, message: &str, written: &str, known: &[&str]) {
        let hint = match nearest(written, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.len() > 12 => "the functions are listed in config/policies.yaml".into(),
            None => format!("one of {}", known.join(", ")),
        };
        self.fail(at, message, Some(hint));
    }

    fn fail(&mut self, at: &IdedExpr, message: &str, hint: Option<String>) {
        let message = match self.places.offset_for(at.id) {
            Some((from, _)) => format!("at character {}: {message}", from + 1),
            None => message.to_owned(),
        };
        self.faults.push(Fault { message, hint });
    }
}

fn literal_kind(literal: &LiteralValue) -> Kind {
    match literal {
        LiteralValue::Boolean(_) => Kind::Bool,
        LiteralValue::Bytes(_) => Kind::Bytes,
        LiteralValue::Double(_) => Kind::Double,
        LiteralValue::Int(_) => Kind::Int,
        LiteralValue::Null => Kind::Null,
        LiteralValue::String(_) => Kind::Text,
        LiteralValue::UInt(_) => Kind::Uint,
    }
}

fn takes(wanted: Kind, given: Kind) -> bool {
    wanted == Kind::Any || given == Kind::Any || wanted == given
}

fn join(one: Kind, other: Kind) -> Kind {
    if one == other { one } else { Kind::Any }
}

fn comparable(left: Kind, right: Kind) -> bool {
    takes(left, right) || (left.is_number() && right.is_number())
}

fn not_yet(name: &str) -> String {
    format!("`{name}` is {NOT_YET}")
}

/// `text.contains(text)`, as a hint shows it.
fn form(function: &Function) -> String {
    let takes: Vec<_> = function.takes.iter().map(|kind| word(*kind)).collect();
    let target = function.target.map(|kind| format!("{}.", word(kind))).unwrap_or_default();
    format!("{target}{}({})", function.name, takes.join(", "))
}

fn word(kind: Kind) -> &'static str {
    let name = kind.name();
    name.strip_prefix("an ").or_else(|| name.strip_prefix("a ")).unwrap_or(name)
}

/// What the parser has for names, and the interpreter for types.
const TYPES: [&str; 10] =
    ["bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "uint"];

const NUMBERS: &[Kind] = &[Kind::Int, Kind::Uint, Kind::Double];
const ARITHMETIC: [(&str, &[Kind]); 5] = [
    (operators::ADD, &[Kind::Int, Kind::Uint, Kind::Double, Kind::Text, Kind::Bytes, Kind::List]),
    (operators::SUBSTRACT, NUMBERS),
    (operators::MULTIPLY, NUMBERS),
    (operators::DIVIDE, NUMBERS),
    (operators::MODULO, &[Kind::Int, Kind::Uint]),
];
