using System.Globalization;

namespace Pilotfish.Agent.Commands;

/// <summary>
/// Command-line flags as Istio's tools take them: <c>--name value</c>, <c>--name=value</c>, booleans without a value, flags and
/// arguments in any order, <c>--</c> ends the flags. Unknown flags are passed over where the tool tolerates them.
/// </summary>
public sealed class FlagSet
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly HashSet<string> _booleans = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _shorthands = new(StringComparer.Ordinal);
    private readonly List<string> _arguments = [];

    public IReadOnlyList<string> Arguments => _arguments;

    public FlagSet Text(string name, string fallback = "", string? shorthand = null)
    {
        _values[name] = fallback;
        if (shorthand is not null)
        {
            _shorthands[shorthand] = name;
        }

        return this;
    }

    public FlagSet Number(string name, int fallback) => Text(name, fallback.ToString(CultureInfo.InvariantCulture));

    public FlagSet Boolean(string name, bool fallback, string? shorthand = null)
    {
        _booleans.Add(name);
        return Text(name, fallback ? "true" : "false", shorthand);
    }

    /// <summary>Null, or the sentence why the arguments cannot be used.</summary>
    public string? Parse(IReadOnlyList<string> args, bool tolerateUnknown)
    {
        for (int i = 0; i < args.Count; i++)
        {
            string arg = args[i];
            if (arg == "--")
            {
                _arguments.AddRange(args.Skip(i + 1));
                return null;
            }

            if (arg.Length < 2 || arg[0] != '-')
            {
                _arguments.Add(arg);
                continue;
            }

            int equals = arg.IndexOf('=');
            string name = (equals < 0 ? arg : arg[..equals]).TrimStart('-');
            name = _shorthands.GetValueOrDefault(name, name);
            string? value = equals < 0 ? null : arg[(equals + 1)..];
            if (!_values.ContainsKey(name))
            {
                if (!tolerateUnknown)
                {
                    return $"unknown flag: --{name}";
                }

                // What follows an unknown flag is its value unless it looks like a flag: the reading of Istio's tools.
                i += value is null && i + 1 < args.Count && !args[i + 1].StartsWith('-') ? 1 : 0;
                continue;
            }

            if (value is null && _booleans.Contains(name))
            {
                value = "true";
            }

            if (value is null && ++i == args.Count)
            {
                return $"flag needs an argument: --{name}";
            }

            _values[name] = value ?? args[i];
        }

        return null;
    }

    public string GetText(string name) => _values[name];

    public bool GetBoolean(string name) => Bootstrap.AgentEnvironment.ParseFlag(_values[name]) ?? false;

    public bool TryGetNumber(string name, out int value, out string problem)
    {
        problem = $"invalid argument \"{_values[name]}\" for \"--{name}\" flag: a whole number is expected";
        return int.TryParse(_values[name], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
    }
}
