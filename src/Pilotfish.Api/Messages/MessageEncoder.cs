using Google.Protobuf;
using Google.Protobuf.Reflection;
using Pilotfish.Api.Messages.Shapes;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Api.Messages;

/// <summary>Node to wire bytes for messages with fields; the types with a JSON form of their own are next door.</summary>
internal sealed class MessageEncoder
{
    private readonly ReadOptions _options;
    private readonly ReadProblems _problems;
    private readonly ScalarEncoder _scalars;
    private readonly WellKnownEncoder _wellKnown;

    public MessageEncoder(ReadOptions options, ReadProblems problems)
    {
        _options = options;
        _problems = problems;
        _scalars = new ScalarEncoder(problems);
        _wellKnown = new WellKnownEncoder(this, _scalars, options, problems);
    }

    public byte[] Encode(MessageShape shape, YamlNode node, bool isAnyContent = false)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
        {
            if (!_wellKnown.TryWrite(shape, node, output))
            {
                WriteFields(shape, node, output, isAnyContent);
            }
        }

        return stream.ToArray();
    }

    private void WriteFields(MessageShape shape, YamlNode node, CodedOutputStream output, bool isAnyContent)
    {
        if (node is not YamlMapping mapping)
        {
            _problems.Error(node.Position, $"A mapping with the fields of '{shape.FullName}' is expected, but this is {node.KindName}.");
            return;
        }

                var given = new Dictionary<int, YamlEntry>();
        var alternatives = new Dictionary<string, YamlEntry>();
        foreach (YamlEntry entry in mapping.Entries)
        {
            if (isAnyContent && entry.Key == WellKnownEncoder.TypeKey)
            {
                continue;
            }

            FieldShape? field = shape.Find(entry.Key);
            if (field is null)
            {
                ReportUnknown(shape, entry);
                continue;
            }

            if (entry.Value.IsNull && !TakesNull(field))
            {
                continue;
            }

            if (IsFirst(field, entry, given, alternatives))
            {
                WriteField(field, entry.Value, output);
            }
        }
    }

    private bool IsFirst(
        FieldShape field,
        YamlEntry entry,
        Dictionary<int, YamlEntry> given,
        Dictionary<string, YamlEntry> alternatives)
    {
        if (!given.TryAdd(field.FieldNumber, entry))
        {
            YamlEntry first = given[field.FieldNumber];
            _problems.Error(
                entry.KeyPosition,
                $"The field '{entry.Key}' is given twice; the first is '{first.Key}' in line {first.KeyPosition.Line}.");
            return false;
        }

        if (field.Oneof is { } oneof && !alternatives.TryAdd(oneof, entry))
        {
            YamlEntry other = alternatives[oneof];
            _problems.Error(
                entry.KeyPosition,
                $"'{entry.Key}' and '{other.Key}' (line {other.KeyPosition.Line}) are alternatives; give one of them.");
            return false;
        }

        return true;
    }

    private void ReportUnknown(MessageShape shape, YamlEntry entry)
    {
        string? suggestion = shape.Suggest(entry.Key);
        string hint = suggestion is null ? "" : $" Did you mean '{suggestion}'?";
        string message = $"The field '{entry.Key}' is unknown in '{shape.FullName}'.{hint}";
        if (_options.UnknownFields == UnknownFields.Reject)
        {
            _problems.Error(entry.KeyPosition, message);
        }
        else
        {
            _problems.Warn(entry.KeyPosition, message);
        }
    }

    private void WriteField(FieldShape field, YamlNode value, CodedOutputStream output)
    {
        if (field.IsMap)
        {
            WriteMap(field, value, output);
            return;
        }

        if (!field.IsRepeated)
        {
            WriteSingle(field, value, output);
            return;
        }

        if (value is not YamlSequence sequence)
        {
            _problems.Error(value.Position, $"The field '{field.JsonName}' takes a list, but this is {value.KindName}.");
            return;
        }

        foreach (YamlNode item in sequence.Items)
        {
            if (item.IsNull && !TakesNull(field))
            {
                _problems.Error(item.Position, $"The list '{field.JsonName}' has an empty item; remove it or give it a value.");
                continue;
            }

            WriteSingle(field, item, output);
        }
    }

    private void WriteMap(FieldShape field, YamlNode value, CodedOutputStream output)
    {
        if (value is not YamlMapping mapping)
        {
            _problems.Error(value.Position, $"The field '{field.JsonName}' takes a mapping, but this is {value.KindName}.");
            return;
        }

        FieldShape keyField = field.MessageType.Find(1)!;
        FieldShape valueField = field.MessageType.Find(2)!;
        foreach (YamlEntry entry in mapping.Entries)
        {
            using var stream = new MemoryStream();
            using (var pair = new CodedOutputStream(stream, leaveOpen: true))
            {
                _scalars.WriteMapKey(keyField, entry, pair);

                // As the Kubernetes API server does, a key without a value means the default of its type.
                if (!entry.Value.IsNull || TakesNull(valueField))
                {
                    WriteSingle(valueField, entry.Value, pair);
                }
            }

            output.WriteTag(field.FieldNumber, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(ByteString.CopyFrom(stream.ToArray()));
        }
    }

    private void WriteSingle(FieldShape field, YamlNode value, CodedOutputStream output)
    {
        if (field.FieldType is not (FieldType.Message or FieldType.Group))
        {
            _scalars.Write(field, value, output);
            return;
        }

        byte[] nested = Encode(field.MessageType, value);
        output.WriteTag(field.FieldNumber, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(nested));
    }

    private static bool TakesNull(FieldShape field) => field.FieldType switch
    {
        FieldType.Message => field.MessageType.FullName == WellKnownEncoder.ValueName && !field.IsMap,
        FieldType.Enum => field.EnumType.FullName == WellKnownEncoder.NullValueName,
        _ => false,
    };
}
