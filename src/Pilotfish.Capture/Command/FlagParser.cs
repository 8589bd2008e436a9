namespace Pilotfish.Capture.Command;

/// <summary>
/// Reads arguments as pflag does, because injected manifests carry every form: `-p 15001`, `-p15001`, `-p=15001`,
/// `--name value`, `--name=value`, switches without a value, letters run together, underscores for dashes.
/// Environment variables come first, arguments override them.
/// </summary>
internal sealed class FlagParser
{
    private readonly IReadOnlyList<FlagDefinition> _definitions;
    private readonly Dictionary<string, FlagValue> _values = new(StringComparer.Ordinal);

    private FlagParser(IReadOnlyList<FlagDefinition> definitions) => _definitions = definitions;

    public static IReadOnlyDictionary<string, FlagValue> Parse(
        IReadOnlyList<FlagDefinition> definitions, IReadOnlyList<string> args, IReadOnlyDictionary<string, string> environment)
    {
        var parser = new FlagParser(definitions);
        parser.ReadEnvironment(environment);
        parser.ReadArguments(args);
        return parser._values;
    }

    private void ReadEnvironment(IReadOnlyDictionary<string, string> environment)
    {
        foreach (FlagDefinition definition in _definitions)
        {
            _values[definition.Name] = new FlagValue("--" + definition.Name, definition.Default);
            foreach (string variable in definition.Variables)
            {
                // An empty variable sets an empty list; for a switch it says nothing.
                if (environment.TryGetValue(variable, out string? text) && !(definition.IsSwitch && text.Length == 0))
                {
                    _values[definition.Name] = new FlagValue(variable, text);
                }
            }
        }
    }

    private void ReadArguments(IReadOnlyList<string> args)
    {
        for (int i = 0; i < args.Count; i++)
        {
            string arg = args[i];
            if (arg == "--" && i + 1 == args.Count)
            {
                return;
            }

            if (arg.StartsWith("--", StringComparison.Ordinal) && arg.Length > 2)
            {
                ReadLong(arg[2..], args, ref i);
            }
            else if (arg.Length > 1 && arg[0] == '-' && arg[1] != '-')
            {
                ReadLetters(arg[1..], args, ref i);
            }
            else
            {
                throw new FlagException($"Argument '{arg}' is not a flag; this command takes flags only.");
            }
        }
    }

    private void ReadLong(string text, IReadOnlyList<string> args, ref int index)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        string name = (equals < 0 ? text : text[..equals]).Replace('_', '-');
        FlagDefinition definition = _definitions.FirstOrDefault(d => d.Name == name)
            ?? throw new FlagException($"Unknown flag '--{name}'; '--help' lists them all.");
        string source = "--" + name;
        if (equals >= 0)
        {
            _values[definition.Name] = new FlagValue(source, text[(equals + 1)..]);
        }
        else
        {
            _values[definition.Name] = new FlagValue(
                source, definition.IsSwitch ? "true" : Next(args, ref index, source));
        }
    }

    private void ReadLetters(string text, IReadOnlyList<string> args, ref int index)
    {
        for (int at = 0; at < text.Length; at++)
        {
            string source = "-" + text[at];
            FlagDefinition definition = _definitions.FirstOrDefault(d => d.Letter == text[at])
                ?? throw new FlagException($"Unknown flag '{source}' in '-{text}'; '--help' lists them all.");
            string rest = text[(at + 1)..];
            if (rest.StartsWith('='))
            {
                _values[definition.Name] = new FlagValue(source, rest[1..]);
                return;
            }

            if (definition.IsSwitch)
            {
                _values[definition.Name] = new FlagValue(source, "true");
                continue;
            }

            _values[definition.Name] = new FlagValue(source, rest.Length > 0 ? rest : Next(args, ref index, source));
            return;
        }
    }

    private static string Next(IReadOnlyList<string> args, ref int index, string source)
    {
        if (index + 1 >= args.Count)
        {
            throw new FlagException($"Flag '{source}' needs a value.");
        }

        index++;
        return args[index];
    }
}
