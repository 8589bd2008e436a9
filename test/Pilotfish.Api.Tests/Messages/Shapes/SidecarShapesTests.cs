using System.Text;
using Google.Protobuf.Reflection;
using Pilotfish.Api.Messages.Shapes;

namespace Pilotfish.Api.Tests.Messages.Shapes;

public sealed class SidecarShapesTests
{
    private static readonly MessageDescriptor[] s_roots =
    [
        Istio.Mesh.V1Alpha1.ProxyConfig.Descriptor,
        Io.Istio.Http.PeerMetadata.Config.Descriptor,
        Stats.PluginConfig.Descriptor,
    ];

    [Fact]
    public void Table_IsWhatTheDescriptorsSay() =>
        Assert.True(SidecarShapes.Text.ReplaceLineEndings("\n") == Written(), $"SidecarShapes.Text should be:\n{Written()}");

    [Fact]
    public void ParsedTable_HasTheFieldsOfTheDescriptors()
    {
        foreach (MessageDescriptor descriptor in Closure().Messages)
        {
            MessageShape shape = SidecarShapes.Find(descriptor.FullName)!;
            Assert.Equal(descriptor.Name, shape.Name);
            Assert.Equal(descriptor.Fields.InDeclarationOrder().Count, shape.Fields.Count);
            foreach (FieldDescriptor expected in descriptor.Fields.InDeclarationOrder())
            {
                FieldShape field = shape.Find(expected.FieldNumber)!;
                Assert.Same(field, shape.Find(expected.Name));
                Assert.Same(field, shape.Find(expected.JsonName));
                Assert.Equal((expected.JsonName, expected.FieldType), (field.JsonName, field.FieldType));
                Assert.Equal((expected.IsRepeated, expected.IsMap), (field.IsRepeated, field.IsMap));
                Assert.Equal(expected.RealContainingOneof?.Name, field.Oneof);
                if (expected.FieldType == FieldType.Message && !expected.IsMap)
                {
                    Assert.Equal(expected.MessageType.FullName, field.MessageType.FullName);
                }
                else if (expected.FieldType == FieldType.Enum)
                {
                    Assert.All(expected.EnumType.Values, value => Assert.Equal(value.Name, field.EnumType.NameOf(value.Number)));
                }
            }
        }
    }

    private static string Written()
    {
        (IEnumerable<MessageDescriptor> messages, IEnumerable<EnumDescriptor> enums) = Closure();
        var text = new StringBuilder();
        foreach (MessageDescriptor message in messages)
        {
            text.Append($"message {message.FullName}\n");
            foreach (FieldDescriptor field in message.Fields.InFieldNumberOrder())
            {
                FieldDescriptor typed = field.IsMap ? field.MessageType.FindFieldByNumber(2) : field;
                string kind = field.IsMap ? "map " : field.IsRepeated ? "repeated " : "";
                string type = typed.FieldType switch
                {
                    FieldType.Message => typed.MessageType.FullName,
                    FieldType.Enum => typed.EnumType.FullName,
                    _ => typed.FieldType.ToString().ToLowerInvariant(),
                };
                string oneof = field.RealContainingOneof is { } group ? $" in {group.Name}" : "";
                text.Append($" {field.FieldNumber} {field.Name} {kind}{type}{oneof}\n");
            }
        }

        foreach (EnumDescriptor type in enums)
        {
            text.Append($"enum {type.FullName}\n");
            foreach (EnumValueDescriptor value in type.Values)
            {
                text.Append($" {value.Number} {value.Name}\n");
            }
        }

        return text.ToString().TrimEnd('\n');
    }

    private static (IEnumerable<MessageDescriptor> Messages, IEnumerable<EnumDescriptor> Enums) Closure()
    {
        var messages = new SortedDictionary<string, MessageDescriptor>(StringComparer.Ordinal);
        var enums = new SortedDictionary<string, EnumDescriptor>(StringComparer.Ordinal);
        var open = new Stack<MessageDescriptor>(s_roots);
        while (open.TryPop(out MessageDescriptor? message))
        {
            if (!messages.TryAdd(message.FullName, message))
            {
                continue;
            }

            foreach (FieldDescriptor field in message.Fields.InDeclarationOrder())
            {
                FieldDescriptor typed = field.IsMap ? field.MessageType.FindFieldByNumber(2) : field;
                if (typed.FieldType == FieldType.Message)
                {
                    open.Push(typed.MessageType);
                }
                else if (typed.FieldType == FieldType.Enum)
                {
                    enums.TryAdd(typed.EnumType.FullName, typed.EnumType);
                }
            }
        }

        return (messages.Values, enums.Values);
    }
}
