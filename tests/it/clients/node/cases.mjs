// What every JavaScript application here does: run the cases named on the command line, print one JSON object for each.
//
// None of them knows of a sidecar: endpoint, certificates, region and keys come from the standard environment variables.

export const CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0";
export const NOT_GRANTED = "anthropic.claude-3-opus-20240229-v1:0";
export const ENDPOINT = process.env.AWS_ENDPOINT_URL_BEDROCK_RUNTIME;
export const REGION = process.env.AWS_REGION;

// `refusal` adds what only this client's own exceptions have.
export async function run(cases, refusal = () => ({})) {
  for (const name of process.argv.slice(2)) {
    let observed;
    try {
      observed = await cases[name]();
    } catch (error) {
      observed = { error: error.constructor.name, message: error.message, ...refusal(error) };
    }
    console.log(JSON.stringify({ case: name, ...observed }));
  }
}
