using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.RuntimeLayers;

/// <summary>Flattens a layer that came as a message: dots join the names of nested structs.</summary>
internal static class LayerValues
{
    // Depth is bounded by the reader of the message; names by their sum.
    private const int KeyLengthMax = 4096;

    /// <summary>The entries of a layer. Throws <see cref="ConfigRejectedException"/> for a value that is null or a list.</summary>
    /// <param name="layer">The message; null has no entries.</param>
    /// <param name="field">Its path.</param>
    public static Dictionary<string, RuntimeEntry> Of(Struct? layer, string field)
    {
        var entries = new Dictionary<string, RuntimeEntry>(StringComparer.Ordinal);
        Collect(layer, "", field, entries);
        return entries;
    }

    private static void Collect(Struct? fields, string prefix, string field, Dictionary<string, RuntimeEntry> entries)
    {
        foreach ((string key, Value value) in fields?.Fields ?? [])
        {
            string name = prefix + key;
            if (name.Length > KeyLengthMax)
            {
                throw new ConfigRejectedException(field, $"a key has more than {KeyLengthMax} characters");
            }

            if (value.KindCase == Value.KindOneofCase.StructValue && !IsLeaf(value.StructValue))
            {
                Collect(value.StructValue, name + ".", field, entries);
                continue;
            }

            entries[name] = RuntimeEntry.Of(value)
                ?? throw new ConfigRejectedException(field, $"Invalid runtime entry value for {name}: it must be a number, a string, a boolean or a message");
        }
    }

    // A FractionalPercent in its JSON form, all defaults included.
    private static bool IsLeaf(Struct fields) =>
        fields.Fields.Count == 0 || fields.Fields.ContainsKey("numerator") || fields.Fields.ContainsKey("denominator");
}
