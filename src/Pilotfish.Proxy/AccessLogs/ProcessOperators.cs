using System.Text.Json;
using Pilotfish.Language.Formats;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Facts of the process, and the operator that picks the first of several.</summary>
internal static class ProcessOperators
{
    // A coalesce inside a coalesce is legal; a hostile config must not recurse without end.
    private const int CoalesceOperatorsMax = 64;

    public static void AddTo(Dictionary<string, Func<FormatOperator, FormatOperation>> all)
    {
        string host = System.Environment.MachineName;
        all.AddText("HOSTNAME", _ => host);
        all.Add("ENVIRONMENT", Environment);
        all.Add("COALESCE", Coalesce);
    }

    private static FormatOperation Environment(FormatOperator source)
    {
        string? value = FormatEnvironment.Get(source.RequireArguments("a variable's name"));
        return (in FormatSource _, FormatOutput output) => OperatorTableExtensions.Write(output, value);
    }

    // COALESCE({"operators":["REQ(A)", {"operator":"REQ","param":"B","max_length":5}]}): the first that has a value.
    private static FormatOperation Coalesce(FormatOperator source)
    {
        List<(FormatOperation Operation, int LengthMax)> candidates = [];
        try
        {
            using JsonDocument parsed = JsonDocument.Parse(source.RequireArguments("a JSON object"));
            foreach (JsonElement element in parsed.RootElement.GetProperty("operators").EnumerateArray())
            {
                FormatOperator candidate = Candidate(source, element);
                candidates.Add((FormatOperators.Compile(candidate), candidate.MaxLength ?? int.MaxValue));
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw source.Reject($"needs a JSON object with a list 'operators': {e.Message}");
        }

        if (candidates.Count is 0 or > CoalesceOperatorsMax)
        {
            throw source.Reject($"needs 1 to {CoalesceOperatorsMax} operators, but has {candidates.Count}");
        }

        (FormatOperation Operation, int LengthMax)[] all = [.. candidates];
        return (in FormatSource s, FormatOutput output) =>
        {
            foreach ((FormatOperation operation, int lengthMax) in all)
            {
                int start = output.Length;
                FormatValueKind kind = operation(in s, output);
                if (kind == FormatValueKind.Text)
                {
                    output.Truncate(start, lengthMax);
                }

                if (kind != FormatValueKind.Missing)
                {
                    return kind;
                }
            }

            return FormatValueKind.Missing;
        };
    }

    private static FormatOperator Candidate(FormatOperator source, JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.String)
        {
            string text = element.GetString()!;
            string operatorText = text.StartsWith('%') ? text : $"%{text}%";
            return FormatTemplate.Parse(operatorText).SingleOperator is { } single
                ? single with { Position = source.Position }
                : throw source.Reject($"has the entry '{text}', which is not one operator");
        }

        string name = element.GetProperty("operator").GetString() ?? "";
        string? param = element.TryGetProperty("param", out JsonElement p) ? p.GetString() : null;
        int? length = element.TryGetProperty("max_length", out JsonElement l) ? l.GetInt32() : null;
        return new FormatOperator(name, param, length, source.Position);
    }
}
