use super::*;

#[test]
fn what_is_packed_comes_out_again() {
    for operation in [Operation::Accept, Operation::Receive, Operation::Send] {
        for side in [Side::Downstream, Side::Upstream] {
            for pair in [0, 1, 255, 256, 1 << 24] {
                let token = Token { operation, side, pair };
                assert_eq!(Token::unpack(token.pack()), token);
            }
        }
    }
}
