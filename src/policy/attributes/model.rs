//! `llm`: what is known of a request for a model, as far as it has come. What is not known is not
//! there: an expression that names it fails.

use std::time::Duration;

use cel::ExecutionError;
use cel::common::types::{CelDouble, CelInt, CelString};
use cel::common::value::CowVal;

use super::value::{self, Record, Recorded};
use crate::http::exchange::{Cost, GenAi};

impl Record for &GenAi {
    fn get<'b, 'v>(&'b self, field: &str) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let missing = || ExecutionError::no_such_key(field);
        let usage = &self.usage;
        let name = |name: &'v [u8]| match name {
            b"" => Err(missing()),
            name => Ok(value::text(name)),
        };
        let time = |nanos: Option<u64>| {
            let time = format!("{:?}", Duration::from_nanos(nanos.ok_or_else(missing)?));
            Ok(CowVal::owned(CelString::from(time)))
        };
        let count = match field {
            "provider" => return name(self.provider.as_bytes()),
            "requestModel" => return name(&self.request_model),
            "responseModel" => return name(&self.response_model),
            "timeToFirstToken" => return time(self.first_token_nanos),
            "timePerOutputToken" => return time(self.each_token_nanos),
            "cost" => return Ok(CowVal::owned(Recorded(self.cost.ok_or_else(missing)?))),
            "inputTokens" => usage.input,
            "cachedInputTokens" => usage.cache_read,
            "cacheCreationInputTokens" => usage.cache_written,
            "inputAudioTokens" => usage.input_audio,
            "outputTokens" => usage.output,
            "reasoningTokens" => usage.reasoning,
            "outputAudioTokens" => usage.output_audio,
            "totalTokens" => match (usage.input, usage.output) {
                (None, None) => None,
                (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
            },
            _ => None,
        };
        let count = i64::try_from(count.ok_or_else(missing)?).unwrap_or(i64::MAX);
        Ok(CowVal::owned(CelInt::from(count)))
    }
}

impl Record for Cost {
    fn get<'b, 'v>(&'b self, field: &str) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let picos = match field {
            "total" => self.picos(),
            "input" => self.input,
            "output" => self.output,
            "cacheRead" => self.cache_read,
            "cacheWrite" => self.cache_write,
            "reasoning" => self.reasoning,
            "inputAudio" => self.input_audio,
            "outputAudio" => self.output_audio,
            _ => return Err(ExecutionError::no_such_key(field)),
        };
        Ok(CowVal::owned(CelDouble::from(picos as f64 / PICOS)))
    }
}

/// Of a dollar.
const PICOS: f64 = 1e12;
