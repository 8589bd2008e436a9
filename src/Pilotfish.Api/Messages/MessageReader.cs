using Google.Protobuf;
using Google.Protobuf.Reflection;
using Pilotfish.Api.Messages.Shapes;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Api.Messages;

/// <summary>
/// Proto3 JSON, spelt in YAML or JSON, becomes a message. The node is translated to wire bytes by the descriptors and
/// those are parsed: so no field is set by reflection, which NativeAOT builds would have to keep alive.
/// </summary>
public static class MessageReader
{
    // A node of YAML is at most four messages deep (Value, Struct, its map entry, Value), and no text nests deeper than this.
    internal const int RecursionMax = 4 * YamlLimits.DepthMax;

    public static ReadResult<T> Read<T>(YamlNode node, ReadOptions? options = null)
        where T : class, IMessage<T>, new() => Read<T>(node, MessageShape.Of(new T().Descriptor), options);

    /// <summary>Likewise by a written shape, so that no descriptor is touched.</summary>
    public static ReadResult<T> Read<T>(YamlNode node, MessageShape shape, ReadOptions? options = null)
        where T : class, IMessage<T>, new()
    {
        var message = new T();
        var problems = new ReadProblems();
        byte[] wire = Encode(shape, node, options, problems);
        if (problems.Errors.Count == 0 && TryMerge(message, shape.FullName, wire, node, problems))
        {
            return new ReadResult<T>(message, [], problems.Warnings);
        }

        return new ReadResult<T>(null, problems.Errors, problems.Warnings);
    }

    public static ReadResult<IMessage> Read(YamlNode node, MessageDescriptor descriptor, ReadOptions? options = null)
    {
        IMessage message = descriptor.Parser.ParseFrom(ByteString.Empty);
        var problems = new ReadProblems();
        byte[] wire = Encode(MessageShape.Of(descriptor), node, options, problems);
        if (problems.Errors.Count == 0 && TryMerge(message, descriptor.FullName, wire, node, problems))
        {
            return new ReadResult<IMessage>(message, [], problems.Warnings);
        }

        return new ReadResult<IMessage>(null, problems.Errors, problems.Warnings);
    }

    /// <summary>Reads the only document of a text.</summary>
    public static ReadResult<T> Parse<T>(string text, string fileName, ReadOptions? options = null)
        where T : class, IMessage<T>, new() => Parse<T>(text, fileName, static () => MessageShape.Of(new T().Descriptor), options);

    /// <summary>Likewise by a written shape, so that no descriptor is touched.</summary>
    public static ReadResult<T> Parse<T>(string text, string fileName, MessageShape shape, ReadOptions? options = null)
        where T : class, IMessage<T>, new() => Parse<T>(text, fileName, () => shape, options);

    private static ReadResult<T> Parse<T>(string text, string fileName, Func<MessageShape> shape, ReadOptions? options)
        where T : class, IMessage<T>, new()
    {
        YamlParseResult parsed = YamlDocuments.Parse(text, fileName);
        if (!parsed.IsOk)
        {
            return new ReadResult<T>(null, parsed.Errors, []);
        }

        return parsed.Documents switch
        {
            [] => new ReadResult<T>(new T(), [], []),
            [var only] => Read<T>(only, shape(), options),
            [_, var second, ..] => new ReadResult<T>(
                null, [new SourceError(second.Position, "One document is expected here; this is a second one.")], []),
        };
    }

    private static byte[] Encode(MessageShape shape, YamlNode node, ReadOptions? options, ReadProblems problems) =>
        new MessageEncoder(options ?? ReadOptions.Envoy, problems).Encode(shape, node);

    private static bool TryMerge(IMessage message, string fullName, byte[] wire, YamlNode node, ReadProblems problems)
    {
        try
        {
            using var stream = new MemoryStream(wire, writable: false);
            using var input = CodedInputStream.CreateWithLimits(stream, int.MaxValue, RecursionMax);
            message.MergeFrom(input);
            return true;
        }
        catch (InvalidProtocolBufferException e)
        {
            problems.Error(node.Position, $"The document does not make a '{fullName}': {e.Message}");
            return false;
        }
    }
}
