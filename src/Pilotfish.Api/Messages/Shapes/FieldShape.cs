using Google.Protobuf.Reflection;

namespace Pilotfish.Api.Messages.Shapes;

/// <summary>One field of a message, as far as its wire and JSON forms need it.</summary>
public sealed class FieldShape
{
    private readonly Func<MessageShape>? _message;
    private readonly Func<EnumShape>? _enum;
    private MessageShape? _messageType;
    private EnumShape? _enumType;

    // Types refer to each other in circles: each is looked up when it is first needed.
    internal FieldShape(int number, string name, string jsonName, FieldType type, Func<MessageShape>? message, Func<EnumShape>? @enum)
    {
        FieldNumber = number;
        Name = name;
        JsonName = jsonName;
        FieldType = type;
        _message = message;
        _enum = @enum;
    }

    public int FieldNumber { get; }

    /// <summary>As in the proto file.</summary>
    public string Name { get; }

    public string JsonName { get; }

    public FieldType FieldType { get; }

    public bool IsRepeated { get; internal init; }

    public bool IsMap { get; internal init; }

    /// <summary>The name of the oneof that it is an alternative of.</summary>
    public string? Oneof { get; internal init; }

    /// <summary>Of a message or map field (the map's entry).</summary>
    public MessageShape MessageType => _messageType ??= _message!();

    /// <summary>Of an enum field.</summary>
    public EnumShape EnumType => _enumType ??= _enum!();
}
