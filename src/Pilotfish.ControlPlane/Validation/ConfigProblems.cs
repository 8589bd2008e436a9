using Pilotfish.Api.Yaml;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>Collects what is wrong with an object, each sentence with the path of the field.</summary>
internal sealed class ConfigProblems
{
    /// <summary>More sentences than this help nobody, and a large object could produce a sentence per line.</summary>
    private const int ProblemsMax = 20;

    private readonly List<ConfigProblem> _all = [];

    public IReadOnlyList<ConfigProblem> All => _all;

    public void Add(string path, string sentence)
    {
        if (_all.Count < ProblemsMax)
        {
            _all.Add(new ConfigProblem(path, sentence));
        }
    }

    /// <summary>A whole number in a range; absent is fine.</summary>
    public void CheckRange(YamlMapping node, string path, string field, long min, long max)
    {
        if (node[field] is YamlScalar scalar && scalar.TryGetInteger(out var number) && (number < min || number > max))
        {
            Add($"{path}.{field}", $"{number} is not between {min} and {max}.");
        }
    }

    /// <summary>The field `value` of a percentage.</summary>
    public void CheckPercent(YamlMapping? percentage, string path)
    {
        if (percentage?["value"] is YamlScalar scalar && scalar.TryGetDouble(out var percent) && percent is (< 0 or > 100))
        {
            Add($"{path}.value", $"{scalar.Text} is not between 0 and 100.");
        }
    }

    /// <summary>At least one of these fields must be there.</summary>
    public void CheckAny(YamlMapping node, string path, params ReadOnlySpan<string> fields)
    {
        foreach (var field in fields)
        {
            if (node.ContainsKey(field))
            {
                return;
            }
        }

        Add(path, $"one of {string.Join(", ", fields)} is needed.");
    }

    public void CheckLabels(YamlMapping? labels, string path)
    {
        foreach (var entry in labels?.Entries ?? [])
        {
            if (!HostRules.IsLabelKey(entry.Key) || !HostRules.IsLabelValue((entry.Value as YamlScalar)?.Text ?? ""))
            {
                Add($"{path}[{entry.Key}]", "it is no label: letters, digits, '-', '_' and '.' make keys and values.");
            }
        }
    }

    public void CheckPort(YamlMapping node, string path, string field) => CheckRange(node, path, field, 1, 65535);

    /// <summary>A duration of at least a millisecond, the shortest that proxies keep.</summary>
    public void CheckDuration(YamlMapping? node, string path, string field)
    {
        if (node?.Text(field) is { } text
            && (text.StartsWith('-') || (Config.GoDuration.TryParse(text, out var duration) && duration < TimeSpan.FromMilliseconds(1))))
        {
            Add($"{path}.{field}", $"the duration '{text}' is shorter than 1ms.");
        }
    }

    /// <summary>Fields of which at most one may be set.</summary>
    public void CheckExclusive(YamlMapping node, string path, params ReadOnlySpan<string> fields)
    {
        string? first = null;
        foreach (var field in fields)
        {
            if (!node.ContainsKey(field))
            {
                continue;
            }

            if (first is not null)
            {
                Add($"{path}.{field}", $"it cannot stand beside '{first}'.");
            }

            first ??= field;
        }
    }
}
