use super::*;
use crate::base::id::WorkerId;
use crate::limits::LABEL_VALUE_BYTES_MAX;
use crate::telemetry::shard::{Shard, ShardOptions};

fn labels(model: &str) -> GenAiLabels<'_> {
    GenAiLabels {
        route: LabelsId(3),
        operation: "chat",
        provider: "openai",
        request_model: model,
        response_model: "answered",
    }
}

#[test]
fn each_combination_is_counted_apart() {
    let shard = Shard::new(WorkerId(0));
    for (model, input) in [("a", 1), ("b", 2), ("a", 3), ("", 4), ("unknown", 5)] {
        let input = Some(input);
        shard.gen_ai(&labels(model)).record(&GenAiMeasures { input, ..GenAiMeasures::default() });
    }
    let all = shard.gen_ai_series();
    let of = |model: &str| {
        let names = |s: &&&GenAiSeries| s.names().unwrap().request_model == model;
        let found = all.iter().find(names).unwrap();
        (found.tokens[0].count(), found.tokens[0].sum_nanos(), found.tokens[1].count())
    };
    assert_eq!(of("a"), (2, 4, 0));
    assert_eq!(of("b"), (1, 2, 0));
    assert_eq!(of(""), (2, 9, 0));
    assert_eq!(shard.overflows(), 0);
}

#[test]
fn what_does_not_fit_is_counted_together() {
    let options = ShardOptions { gen_ai_series_max: 2, ..ShardOptions::default() };
    let shard = Shard::with_options(WorkerId(0), options);
    for model in ["a", "b", "c", "d"] {
        let measures = GenAiMeasures { output: Some(7), ..GenAiMeasures::default() };
        shard.gen_ai(&labels(model)).record(&measures);
    }
    assert_eq!(shard.overflows(), 2);
    let sum = Shard::sum([&shard, &shard].into_iter(), |key| key);
    let all = sum.gen_ai_series();
    assert_eq!(all.len(), 3);
    let beyond = all.iter().find(|s| s.names().unwrap().provider == "overflow").unwrap();
    assert_eq!((beyond.tokens[1].count(), beyond.tokens[1].sum_nanos()), (4, 28));
}

#[test]
fn long_names_are_cut() {
    let shard = Shard::new(WorkerId(0));
    let long = "m".repeat(1000);
    shard.gen_ai(&labels(&long)).record(&GenAiMeasures::default());
    shard.gen_ai(&labels(&long)).record(&GenAiMeasures::default());
    let all = shard.gen_ai_series();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].names().unwrap().request_model.len(), LABEL_VALUE_BYTES_MAX);
    assert_eq!(all[0].duration.count(), 2);
}
