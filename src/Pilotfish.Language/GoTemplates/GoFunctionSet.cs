namespace Pilotfish.Language.GoTemplates;

/// <summary>Functions by name, each with the number of arguments it takes.</summary>
public sealed class GoFunctionSet
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>The functions of Go's text/template and Sprig's functions for texts.</summary>
    public static GoFunctionSet CreateStandard()
    {
        var set = new GoFunctionSet();
        Functions.BuiltinFunctions.AddTo(set);
        Functions.ComparisonFunctions.AddTo(set);
        Functions.StringFunctions.AddTo(set);
        Functions.StringCaseFunctions.AddTo(set);
        Functions.RegexFunctions.AddTo(set);
        Functions.NumberFunctions.AddTo(set);
        Functions.DefaultFunctions.AddTo(set);
        Functions.ListFunctions.AddTo(set);
        Functions.DictFunctions.AddTo(set);
        Functions.EncodingFunctions.AddTo(set);
        Functions.PathFunctions.AddTo(set);
        Functions.TypeFunctions.AddTo(set);
        return set;
    }

    /// <summary>Adds or replaces a function that takes between <paramref name="min"/> and <paramref name="max"/> arguments.</summary>
    public void Add(string name, int min, int max, GoFunction function) => _entries[name] = new Entry(min, max, function);

    public void Add(string name, int count, GoFunction function) => Add(name, count, count, function);

    public void AddVariadic(string name, int min, GoFunction function) => Add(name, min, int.MaxValue, function);

    public void AddAlias(string alias, string name) => _entries[alias] = _entries[name];

    public bool Contains(string name) => _entries.ContainsKey(name);

    internal GoValue Invoke(string name, IReadOnlyList<GoValue> arguments)
    {
        var entry = _entries[name];
        if (arguments.Count < entry.Min || arguments.Count > entry.Max)
        {
            var want = entry.Max == int.MaxValue ? $"at least {entry.Min}"
                : entry.Min == entry.Max ? $"{entry.Min}" : $"{entry.Min} to {entry.Max}";
            throw new GoFunctionException($"wrong number of arguments: want {want}, got {arguments.Count}");
        }

        return entry.Function(arguments);
    }

    private readonly record struct Entry(int Min, int Max, GoFunction Function);
}
