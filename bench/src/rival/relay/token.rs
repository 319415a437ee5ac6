//! What a completion belongs to, packed into its 64 bits of user data.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) operation: Operation,
    pub(super) side: Side,
    pub(super) pair: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Accept,
    Receive,
    Send,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Downstream = 0,
    Upstream = 1,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Downstream => Self::Upstream,
            Self::Upstream => Self::Downstream,
        }
    }
}

impl Token {
    pub(super) fn pack(self) -> u64 {
        (self.pair as u64) << 8 | (self.side as u64) << 2 | self.operation as u64
    }

    pub(super) fn unpack(packed: u64) -> Self {
        let operation = match packed & 3 {
            0 => Operation::Accept,
            1 => Operation::Receive,
            _ => Operation::Send,
        };
        let side = if packed & 4 == 0 { Side::Downstream } else { Side::Upstream };
        Self { operation, side, pair: (packed >> 8) as usize }
    }
}

#[cfg(test)]
mod tests;
