using System.Text;
using Google.Protobuf;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Proxy.Tests.Transport;

/// <summary>Messages written as YAML.</summary>
internal static class Messages
{
    public static T Parse<T>(string yaml)
        where T : class, IMessage<T>, new()
    {
        ReadResult<T> read = MessageReader.Read<T>(YamlDocuments.Parse(Encoding.UTF8.GetBytes(yaml), "test.yaml").Documents[0]);
        Assert.Empty(read.Errors);
        return read.Message!;
    }
}
