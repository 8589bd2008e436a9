using System.Globalization;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// Numbers of the bootstrap's layered_runtime by key, later layers over earlier ones, for configuration that names such a key beside its default. Read
/// while configuration compiles; main loop only.
/// </summary>
public sealed class RuntimeValues
{
    private readonly Dictionary<string, long> _numbers = new(StringComparer.Ordinal);

    /// <summary>What a key says; null for one that is not set or is no whole number, and for no key.</summary>
    public long? Number(string key) => _numbers.TryGetValue(key, out long number) ? number : null;

    /// <summary>Takes over what the layers say.</summary>
    public void Replace(IEnumerable<KeyValuePair<string, string>> values)
    {
        _numbers.Clear();
        foreach ((string key, string value) in values)
        {
            if (long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long number))
            {
                _numbers[key] = number;
            }
        }
    }
}
