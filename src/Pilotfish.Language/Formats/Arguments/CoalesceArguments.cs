using System.Text.Json;

namespace Pilotfish.Language.Formats.Arguments;

/// <summary>
/// The argument of COALESCE, a JSON object: <c>{"operators": ["REQ(A)", {"operator": "REQ", "param": "B", "max_length": 5}]}</c>.
/// A coalesce inside a coalesce is legal, so the count is bounded: a hostile config must not recurse without end.
/// </summary>
public static class CoalesceArguments
{
    public const int OperatorsMax = 64;

    /// <summary>The operators in their order; each still needs a check of its own.</summary>
    public static IReadOnlyList<FormatOperator> Parse(FormatOperator source)
    {
        List<FormatOperator> candidates = [];
        try
        {
            using JsonDocument parsed = JsonDocument.Parse(source.RequireArguments("a JSON object"));
            foreach (JsonElement element in parsed.RootElement.GetProperty("operators").EnumerateArray())
            {
                candidates.Add(Candidate(source, element));
            }
        }
        catch (JsonException e)
        {
            throw source.Reject($"needs a JSON object with a list 'operators', but its argument is no JSON at byte {e.BytePositionInLine + 1}");
        }
        catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException or FormatException)
        {
            // JsonElement's ways to say that the value is of another kind, that there is no such key, or no such number.
            throw source.Reject("needs a JSON object with a list 'operators' of texts and of objects with 'operator', 'param' and 'max_length'");
        }

        return candidates.Count is 0 or > OperatorsMax
            ? throw source.Reject($"needs 1 to {OperatorsMax} operators, but has {candidates.Count}")
            : candidates;
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
