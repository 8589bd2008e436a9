using Google.Protobuf.WellKnownTypes;

namespace Pilotfish.Proxy.Streams;

/// <summary>An immutable value as google.protobuf.Value has it, without the protobuf object's weight.</summary>
public sealed class MetadataValue
{
    public static readonly MetadataValue Null = new(MetadataKind.Null);

    private MetadataValue(MetadataKind kind) => Kind = kind;

    public MetadataKind Kind { get; }

    public double Number { get; private init; }

    public string Text { get; private init; } = "";

    public bool Boolean { get; private init; }

    /// <summary>Sorted by key, so that two equal structs print alike.</summary>
    public IReadOnlyList<KeyValuePair<string, MetadataValue>> Fields { get; private init; } = [];

    public IReadOnlyList<MetadataValue> Items { get; private init; } = [];

    public static MetadataValue Of(string text) => new(MetadataKind.Text) { Text = text };

    public static MetadataValue Of(double number) => new(MetadataKind.Number) { Number = number };

    public static MetadataValue Of(bool value) => new(MetadataKind.Boolean) { Boolean = value };

    public static MetadataValue Of(IEnumerable<KeyValuePair<string, MetadataValue>> fields)
    {
        var sorted = new List<KeyValuePair<string, MetadataValue>>(fields);
        sorted.Sort(static (left, right) => string.CompareOrdinal(left.Key, right.Key));
        return new MetadataValue(MetadataKind.Struct) { Fields = sorted };
    }

    public static MetadataValue Of(Struct message)
    {
        var fields = new List<KeyValuePair<string, MetadataValue>>(message.Fields.Count);
        foreach ((string key, Value value) in message.Fields)
        {
            fields.Add(new KeyValuePair<string, MetadataValue>(key, Of(value)));
        }

        return Of(fields);
    }

    public static MetadataValue Of(Value message) => message.KindCase switch
    {
        Value.KindOneofCase.NumberValue => Of(message.NumberValue),
        Value.KindOneofCase.StringValue => Of(message.StringValue),
        Value.KindOneofCase.BoolValue => Of(message.BoolValue),
        Value.KindOneofCase.StructValue => Of(message.StructValue),
        Value.KindOneofCase.ListValue => OfList(message.ListValue),
        _ => Null,
    };

    public MetadataValue? Field(string key)
    {
        foreach (KeyValuePair<string, MetadataValue> field in Fields)
        {
            if (field.Key == key)
            {
                return field.Value;
            }
        }

        return null;
    }

    private static MetadataValue OfList(ListValue list)
    {
        var items = new List<MetadataValue>(list.Values.Count);
        foreach (Value value in list.Values)
        {
            items.Add(Of(value));
        }

        return new MetadataValue(MetadataKind.List) { Items = items };
    }
}
