namespace Pilotfish.Api.Messages.Shapes;

/// <summary>An enum's values by name and by number; of two names for one number the first counts.</summary>
public sealed class EnumShape
{
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly Dictionary<int, string> _names = [];

    internal EnumShape(string fullName, IEnumerable<KeyValuePair<string, int>> values)
    {
        FullName = fullName;
        foreach ((string name, int number) in values)
        {
            _numbers[name] = number;
            _names.TryAdd(number, name);
        }
    }

    public string FullName { get; }

    public string Name => FullName[(FullName.LastIndexOf('.') + 1)..];

    public IReadOnlyCollection<string> Names => _numbers.Keys;

    public bool TryGetNumber(string name, out int number) => _numbers.TryGetValue(name, out number);

    public string? NameOf(int number) => _names.GetValueOrDefault(number);
}
