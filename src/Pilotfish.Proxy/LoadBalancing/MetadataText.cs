using System.Globalization;
using System.Text;
using Google.Protobuf.WellKnownTypes;

namespace Pilotfish.Proxy.LoadBalancing;

/// <summary>Metadata values as text in which equal values, and only those, are equal.</summary>
public static class MetadataText
{
    public static string Of(Value value) => value.KindCase switch
    {
        Value.KindOneofCase.StringValue => "s" + value.StringValue,
        Value.KindOneofCase.NumberValue => "n" + value.NumberValue.ToString("R", CultureInfo.InvariantCulture),
        Value.KindOneofCase.BoolValue => value.BoolValue ? "b1" : "b0",
        Value.KindOneofCase.ListValue => List(value.ListValue),
        Value.KindOneofCase.StructValue => Fields(value.StructValue),
        _ => "0",
    };

    private static string List(ListValue list)
    {
        var text = new StringBuilder("l");
        foreach (Value value in list.Values)
        {
            string item = Of(value);
            text.Append(item.Length).Append(':').Append(item);
        }

        return text.ToString();
    }

    private static string Fields(Struct fields)
    {
        var keys = new List<string>(fields.Fields.Keys);
        keys.Sort(string.CompareOrdinal);
        var text = new StringBuilder("m");
        foreach (string key in keys)
        {
            string item = Of(fields.Fields[key]);
            text.Append(key.Length).Append(':').Append(key).Append(item.Length).Append(':').Append(item);
        }

        return text.ToString();
    }
}
