use regnet::regnet;

regnet! {
    pub struct Net = RegNetX-200MF;
    regulator = lstn(conv = fast, carry = yes, size = 3);
    classes   = 0;
}

fn main() {}
