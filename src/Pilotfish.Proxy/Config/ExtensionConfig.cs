using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Pilotfish.Proxy.Config;

/// <summary>A typed_config after unwrapping: the inner message's name and its bytes, or its fields when it came as TypedStruct.</summary>
public readonly record struct ExtensionConfig(string MessageName, ByteString Value, Struct? Fields, string Field)
{
    /// <summary>Parses the config as its message type; bad bytes are rejected with the field's path.</summary>
    public T Parse<T>(MessageParser<T> parser)
        where T : IMessage<T>
    {
        try
        {
            // A TypedStruct needs descriptors, which cost memory: only the rare config that comes that way pays it.
            return Fields is null
                ? parser.ParseFrom(Value)
                : parser.ParseJson(JsonFormatter.Default.Format(Fields));
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ConfigRejectedException(Field, $"the config is not a valid {MessageName}: {e.Message}", e);
        }
        catch (InvalidJsonException e)
        {
            throw new ConfigRejectedException(Field, $"the config is not a valid {MessageName}: {e.Message}", e);
        }
    }
}
