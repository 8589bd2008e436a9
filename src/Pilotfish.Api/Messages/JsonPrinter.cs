using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace Pilotfish.Api.Messages;

/// <summary>
/// Proto3 JSON from a message. Beside Google's own formatter it keeps an <c>Any</c> of a type we do not have
/// (as base64, so that a dump never fails) and writes a stream of UTF-8.
/// </summary>
public sealed class JsonPrinter
{
    private readonly JsonPrintOptions _options;
    private readonly Utf8JsonWriter _writer;

    private JsonPrinter(JsonPrintOptions options, Utf8JsonWriter writer)
    {
        _options = options;
        _writer = writer;
    }

    public static string Print(IMessage message, JsonPrintOptions? options = null)
    {
        var buffer = new ArrayBufferWriter<byte>();
        Print(message, buffer, options);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    public static void Print(IMessage message, IBufferWriter<byte> output, JsonPrintOptions? options = null)
    {
        options ??= JsonPrintOptions.Compact;
        using var writer = new Utf8JsonWriter(output, new JsonWriterOptions
        {
            Indented = options.Indented,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,

            // The writer's own check would end at 1000 levels with an exception; messages are bounded by their parser.
            SkipValidation = true,
        });
        new JsonPrinter(options, writer).WriteMessage(message);
    }

    private void WriteMessage(IMessage message)
    {
        if (WriteOwnForm(message))
        {
            return;
        }

        _writer.WriteStartObject();
        WriteFields(message);
        _writer.WriteEndObject();
    }

    private void WriteFields(IMessage message)
    {
        foreach (FieldDescriptor field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            object? value = field.Accessor.GetValue(message);
            bool always = _options.AlwaysPrintsPrimitives && (field.IsRepeated || !field.HasPresence);
            if (!always && !IsPresent(field, message, value))
            {
                continue;
            }

            _writer.WritePropertyName(_options.PreserveProtoFieldNames ? field.Name : field.JsonName);
            if (field.IsMap)
            {
                WriteMap(field, (IDictionary)value!);
            }
            else if (field.IsRepeated)
            {
                _writer.WriteStartArray();
                foreach (object? item in (IList)value!)
                {
                    WriteValue(field, item!);
                }

                _writer.WriteEndArray();
            }
            else
            {
                WriteValue(field, value!);
            }
        }
    }

    private static bool IsPresent(FieldDescriptor field, IMessage message, object? value)
    {
        if (field.IsMap || field.IsRepeated)
        {
            return value is ICollection { Count: > 0 };
        }

        if (field.HasPresence)
        {
            return field.Accessor.HasValue(message);
        }

        return value switch
        {
            null => false,
            string text => text.Length > 0,
            ByteString bytes => bytes.Length > 0,
            bool flag => flag,
            double number => number != 0 || double.IsNegative(number),
            float number => number != 0 || float.IsNegative(number),
            IConvertible number => Convert.ToDecimal(number, CultureInfo.InvariantCulture) != 0,
            _ => true,
        };
    }

    private void WriteMap(FieldDescriptor field, IDictionary map)
    {
        FieldDescriptor valueField = field.MessageType.FindFieldByNumber(2);

        // A map has no order of its own; sorted keys make two prints of one message equal.
        var pairs = new List<KeyValuePair<string, object>>(map.Count);
        foreach (DictionaryEntry pair in map)
        {
            string key = pair.Key is bool flag
                ? (flag ? "true" : "false")
                : Convert.ToString(pair.Key, CultureInfo.InvariantCulture)!;
            pairs.Add(new KeyValuePair<string, object>(key, pair.Value!));
        }

        pairs.Sort(static (left, right) => string.CompareOrdinal(left.Key, right.Key));
        _writer.WriteStartObject();
        foreach (KeyValuePair<string, object> pair in pairs)
        {
            _writer.WritePropertyName(pair.Key);
            WriteValue(valueField, pair.Value);
        }

        _writer.WriteEndObject();
    }

    private void WriteValue(FieldDescriptor field, object value)
    {
        switch (value)
        {
            case IMessage message:
                WriteMessage(message);
                break;
            case string text:
                _writer.WriteStringValue(text);
                break;
            case ByteString bytes:
                _writer.WriteBase64StringValue(bytes.Span);
                break;
            case bool flag:
                _writer.WriteBooleanValue(flag);
                break;
            case long or ulong:
                // 64-bit integers are strings, because readers in JavaScript would round them.
                _writer.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture));
                break;
            case double number:
                WriteDouble(number);
                break;
            case float number:
                WriteFloat(number);
                break;
            case int number when field.FieldType != FieldType.Enum:
                _writer.WriteNumberValue(number);
                break;
            case uint number:
                _writer.WriteNumberValue(number);
                break;
            default:
                if (field.FieldType == FieldType.Enum)
                {
                    WriteEnum(field.EnumType, Convert.ToInt32(value, CultureInfo.InvariantCulture));
                    break;
                }

                // The boxed value of a wrapper field: C# shows it as a nullable of the wrapped type.
                WriteValue(field.MessageType.FindFieldByNumber(1), value);
                break;
        }
    }

    private void WriteEnum(EnumDescriptor type, int number)
    {
        if (type.FullName == WellKnownEncoder.NullValueName)
        {
            _writer.WriteNullValue();
        }
        else if (type.FindValueByNumber(number) is { } named)
        {
            _writer.WriteStringValue(named.Name);
        }
        else
        {
            _writer.WriteNumberValue(number);
        }
    }

    private void WriteDouble(double number)
    {
        if (double.IsFinite(number))
        {
            _writer.WriteNumberValue(number);
        }
        else
        {
            _writer.WriteStringValue(double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
        }
    }

    private void WriteFloat(float number)
    {
        if (float.IsFinite(number))
        {
            _writer.WriteNumberValue(number);
        }
        else
        {
            WriteDouble(number);
        }
    }

    private bool WriteOwnForm(IMessage message)
    {
        switch (message)
        {
            case Any any:
                WriteAny(any);
                return true;
            case Duration duration:
                _writer.WriteStringValue(DurationText.Format(duration.Seconds, duration.Nanos));
                return true;
            case Timestamp time:
                _writer.WriteStringValue(TimestampText.Format(time.Seconds, time.Nanos) ?? "");
                return true;
            case FieldMask mask:
                _writer.WriteStringValue(string.Join(',', mask.Paths.Select(CamelCase)));
                return true;
            case Struct structure:
                WriteMap(Struct.Descriptor.FindFieldByNumber(1), (IDictionary)structure.Fields);
                return true;
            case ListValue list:
                _writer.WriteStartArray();
                foreach (Value item in list.Values)
                {
                    WriteMessage(item);
                }

                _writer.WriteEndArray();
                return true;
            case Value value:
                WriteDynamic(value);
                return true;
            default:
                return WriteWrapper(message);
        }
    }

    private bool WriteWrapper(IMessage message)
    {
        if (!WellKnownEncoder.HasOwnForm(message.Descriptor.FullName))
        {
            return false;
        }

        FieldDescriptor field = message.Descriptor.FindFieldByNumber(1);
        WriteValue(field, field.Accessor.GetValue(message));
        return true;
    }

    private void WriteDynamic(Value value)
    {
        switch (value.KindCase)
        {
            case Value.KindOneofCase.NumberValue:
                WriteDouble(value.NumberValue);
                break;
            case Value.KindOneofCase.StringValue:
                _writer.WriteStringValue(value.StringValue);
                break;
            case Value.KindOneofCase.BoolValue:
                _writer.WriteBooleanValue(value.BoolValue);
                break;
            case Value.KindOneofCase.StructValue:
                WriteMessage(value.StructValue);
                break;
            case Value.KindOneofCase.ListValue:
                WriteMessage(value.ListValue);
                break;
            default:
                _writer.WriteNullValue();
                break;
        }
    }

    private void WriteAny(Any any)
    {
        _writer.WriteStartObject();
        if (any.TypeUrl.Length > 0)
        {
            _writer.WriteString(WellKnownEncoder.TypeKey, any.TypeUrl);
            WriteAnyContent(any);
        }

        _writer.WriteEndObject();
    }

    private void WriteAnyContent(Any any)
    {
        IMessage content;
        try
        {
            MessageDescriptor? type = (_options.Types ?? PilotfishTypes.All).FindByUrl(any.TypeUrl);
            if (type is null)
            {
                _writer.WriteBase64String("value", any.Value.Span);
                return;
            }

            content = type.Parser.ParseFrom(any.Value);
        }
        catch (InvalidProtocolBufferException)
        {
            // The bytes are not of the type they name. A dump shows what is there instead of failing as a whole.
            _writer.WriteBase64String("value", any.Value.Span);
            return;
        }

        if (WellKnownEncoder.HasOwnForm(content.Descriptor.FullName))
        {
            _writer.WritePropertyName("value");
            WriteMessage(content);
        }
        else
        {
            WriteFields(content);
        }
    }

    private static string CamelCase(string path)
    {
        var camel = new StringBuilder(path.Length);
        bool upper = false;
        foreach (char c in path)
        {
            if (c == '_')
            {
                upper = true;
                continue;
            }

            camel.Append(upper ? char.ToUpperInvariant(c) : c);
            upper = false;
        }

        return camel.ToString();
    }
}
