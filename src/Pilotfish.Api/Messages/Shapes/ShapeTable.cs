using System.Globalization;
using Google.Protobuf.Reflection;

namespace Pilotfish.Api.Messages.Shapes;

/// <summary>
/// Shapes written as text, one type per paragraph:
/// <code>
/// message package.Name
///  3 service_cluster string in cluster_name
///  4 drain_duration google.protobuf.Duration
///  24 proxy_metadata map string
///  27 extra_stat_tags repeated string
/// enum package.Name
///  0 NONE
/// </code>
/// The keys of a map are strings. The text is ours, so what is wrong in it is a bug and throws.
/// </summary>
internal sealed class ShapeTable
{
    private readonly Dictionary<string, MessageShape> _messages = new(StringComparer.Ordinal);
    private readonly Dictionary<string, EnumShape> _enums = new(StringComparer.Ordinal);

    private ShapeTable()
    {
    }

    public static ShapeTable Parse(string text)
    {
        var table = new ShapeTable();
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        HashSet<string> enums = [.. lines.Where(static l => l.StartsWith("enum ", StringComparison.Ordinal)).Select(static l => l[5..])];
        for (int i = 0; i < lines.Length;)
        {
            string[] head = lines[i].Split(' ');
            int end = i + 1;
            while (end < lines.Length && lines[end][0] == ' ')
            {
                end++;
            }

            IEnumerable<string[]> rows = lines[(i + 1)..end].Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
            if (head[0] == "enum")
            {
                table._enums.Add(head[1], new EnumShape(head[1], rows.Select(static row => KeyValuePair.Create(row[1], Number(row[0])))));
            }
            else
            {
                table._messages.Add(head[1], new MessageShape(head[1], rows.Select(row => table.Field(head[1], row, enums))));
            }

            i = end;
        }

        return table;
    }

    public MessageShape Message(string fullName) => _messages[fullName];

    public MessageShape? Find(string fullName) => _messages.GetValueOrDefault(fullName);

    private FieldShape Field(string owner, string[] row, HashSet<string> enums)
    {
        int number = Number(row[0]);
        string name = row[1];
        bool isMap = row[2] == "map";
        bool isRepeated = row[2] == "repeated";
        string type = row[isMap || isRepeated ? 3 : 2];
        string? oneof = row[^2] == "in" ? row[^1] : null;
        FieldShape field = Field(number, name, type, enums, isRepeated, oneof);
        if (!isMap)
        {
            return field;
        }

        var entry = new MessageShape($"{owner}.{name}", [Field(1, "key", "string", enums), Field(2, "value", type, enums)]);
        return new FieldShape(number, name, JsonName(name), FieldType.Message, () => entry, null) { IsRepeated = true, IsMap = true };
    }

    private FieldShape Field(int number, string name, string type, HashSet<string> enums, bool isRepeated = false, string? oneof = null)
    {
        FieldType kind = type switch
        {
            "string" => FieldType.String,
            "bool" => FieldType.Bool,
            "bytes" => FieldType.Bytes,
            "double" => FieldType.Double,
            "float" => FieldType.Float,
            "int32" => FieldType.Int32,
            "int64" => FieldType.Int64,
            "uint32" => FieldType.UInt32,
            "uint64" => FieldType.UInt64,
            _ => enums.Contains(type) ? FieldType.Enum : FieldType.Message,
        };
        return new FieldShape(number, name, JsonName(name), kind, () => _messages[type], () => _enums[type])
        {
            IsRepeated = isRepeated,
            Oneof = oneof,
        };
    }

    /// <summary>As protoc derives it.</summary>
    private static string JsonName(string name)
    {
        Span<char> json = stackalloc char[name.Length];
        int length = 0;
        for (int i = 0; i < name.Length; i++)
        {
            if (name[i] != '_')
            {
                json[length++] = i > 0 && name[i - 1] == '_' ? char.ToUpperInvariant(name[i]) : name[i];
            }
        }

        return new string(json[..length]);
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
