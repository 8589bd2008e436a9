using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Messages.Shapes;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Proxy.Config;

/// <summary>A typed_config after unwrapping: the inner message's name and its bytes, or its fields when it came as TypedStruct.</summary>
public readonly record struct ExtensionConfig(string MessageName, ByteString Value, Struct? Fields, string Field)
{
    /// <summary>Parses the config as its message type; bad bytes are rejected with the field's path.</summary>
    public T Parse<T>(MessageParser<T> parser)
        where T : class, IMessage<T>, new()
    {
        try
        {
            return Fields is null ? parser.ParseFrom(Value) : ParseFields<T>(Fields);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ConfigRejectedException(Field, $"the config is not a valid {MessageName}: {e.Message}", e);
        }
    }

    private T ParseFields<T>(Struct fields)
        where T : class, IMessage<T>, new()
    {
        // Without a written shape it needs descriptors, which cost memory: only the rare config that nobody sends this way pays it.
        YamlMapping node = StructConversion.ToNode(fields);
        ReadResult<T> result = SidecarShapes.Find(MessageName) is { } shape ? MessageReader.Read<T>(node, shape) : MessageReader.Read<T>(node);
        return result.Message
            ?? throw new ConfigRejectedException(Field, $"the config is not a valid {MessageName}: {result.Errors[0].Message}");
    }
}
