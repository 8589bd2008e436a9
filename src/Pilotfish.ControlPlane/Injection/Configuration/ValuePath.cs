using System.Globalization;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection.Configuration;

/// <summary>An assignment of the `--set` flag: `a.b[0].c=value`, with `\.` for a point inside a key.</summary>
internal sealed class ValuePath
{
    /// <summary>Elements that an index may reach past the end of a list.</summary>
    private const int IndexMax = 1000;

    private readonly IReadOnlyList<string> _steps;
    private readonly YamlNode _value;

    private ValuePath(IReadOnlyList<string> steps, YamlNode value)
    {
        _steps = steps;
        _value = value;
    }

    /// <exception cref="InjectionException">The text is no assignment.</exception>
    public static ValuePath Parse(string assignment)
    {
        var equals = assignment.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
        {
            throw new InjectionException($"'{assignment}' is no setting; write path=value, such as values.global.tag=1.30.0.");
        }

        var steps = SplitSteps(assignment[..equals]);
        // A path that begins with a name steps into mappings and lists only as it makes them.
        return steps.All(step => step.Length > 0) && !IsIndex(steps[0])
            ? new ValuePath(steps, ParseValue(assignment[(equals + 1)..]))
            : throw new InjectionException($"'{assignment}' has an empty step in its path, or begins with an index.");
    }

    public void ApplyTo(YamlMapping root)
    {
        YamlNode node = root;
        for (var i = 0; i < _steps.Count; i++)
        {
            var isLast = i == _steps.Count - 1;
            if (TryReadIndex(_steps[i], out var index))
            {
                node = StepIntoList((YamlSequence)node, index, isLast, i);
            }
            else if (isLast)
            {
                ((YamlMapping)node)[_steps[i]] = _value.Clone();
            }
            else
            {
                var mapping = (YamlMapping)node;
                node = IsIndex(_steps[i + 1]) ? mapping.EnsureList(_steps[i]) : mapping.Ensure(_steps[i]);
            }
        }
    }

    private YamlNode StepIntoList(YamlSequence list, int index, bool isLast, int step)
    {
        while (list.Items.Count <= index)
        {
            list.Items.Add(YamlScalar.Null());
        }

        if (isLast)
        {
            list.Items[index] = _value.Clone();
        }
        else if (IsIndex(_steps[step + 1]) ? list.Items[index] is not YamlSequence : list.Items[index] is not YamlMapping)
        {
            list.Items[index] = IsIndex(_steps[step + 1]) ? new YamlSequence() : new YamlMapping();
        }

        return list.Items[index];
    }

    private static List<string> SplitSteps(string path)
    {
        var steps = new List<string> { "" };
        for (var i = 0; i < path.Length; i++)
        {
            if (path[i] == '\\' && i + 1 < path.Length)
            {
                steps[^1] += path[++i];
            }
            else if (path[i] == '.')
            {
                steps.Add("");
            }
            else if (path[i] == '[' && path.IndexOf(']', i) is var end and > 0 && TryReadIndex(path[i..(end + 1)], out _))
            {
                steps.Add(path[i..(end + 1)]);
                i = end;
            }
            else
            {
                steps[^1] += path[i];
            }
        }

        return steps;
    }

    private static bool IsIndex(string step) => TryReadIndex(step, out _);

    private static bool TryReadIndex(string step, out int index)
    {
        index = 0;
        return step.Length > 2 && step[0] == '[' && step[^1] == ']'
            && int.TryParse(step.AsSpan(1, step.Length - 2), NumberStyles.None, CultureInfo.InvariantCulture, out index)
            && index <= IndexMax;
    }

    /// <summary>Booleans, whole numbers and null as such, `{a,b}` as a list, everything else as text.</summary>
    private static YamlNode ParseValue(string text)
    {
        if (text.StartsWith('{') && text.EndsWith('}'))
        {
            var items = text[1..^1].Split(',', StringSplitOptions.RemoveEmptyEntries);
            return new YamlSequence(items.Select(item => ParseValue(item.Trim())));
        }

        return text switch
        {
            "true" or "false" => YamlScalar.Boolean(text == "true"),
            "null" => YamlScalar.Null(),
            _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) =>
                YamlScalar.Integer(number),
            _ => YamlScalar.String(text),
        };
    }
}
