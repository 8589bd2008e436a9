using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Api.Messages;

namespace Pilotfish.Proxy.Admin;

/// <summary>
/// A field mask (paths joined by commas): keeps what the paths name and clears the rest. A path leads through messages and
/// packed messages, and not through lists.
/// </summary>
internal sealed class MessageMask
{
    // Deeper than any config message; a mask of a client is bounded by it before it walks.
    private const int DepthMax = 32;

    private readonly string[][] _paths;

    private MessageMask(string[][] paths) => _paths = paths;

    /// <summary>Null with a sentence when the text is no mask.</summary>
    public static MessageMask? Parse(string text, out string? problem)
    {
        string[] parts = text.Split(',');
        string[][] paths = Array.ConvertAll(parts, static part => part.Split('.'));
        problem = Array.Exists(paths, static path => path.Length > DepthMax || Array.Exists(path, static name => name.Length == 0))
            ? $"'{text}' is not a field mask: paths are field names joined by dots, separated by commas."
            : null;
        return problem is null ? new MessageMask(paths) : null;
    }

    /// <summary>Trims the message in place; false when no path fits it, and then it is unchanged.</summary>
    public bool TryTrim(IMessage message)
    {
        if (!Array.Exists(_paths, path => Fits(message, path)))
        {
            return false;
        }

        Trim(message, _paths);
        return true;
    }

    private static bool Fits(IMessage message, ReadOnlySpan<string> path)
    {
        if (message.Descriptor.FindFieldByName(path[0]) is not { } field)
        {
            return false;
        }

        if (path.Length == 1)
        {
            return true;
        }

        return IsSingleMessage(field) && (field.Accessor.GetValue(message) is not IMessage inner || Fits(Unpacked(inner), path[1..]));
    }

    private static void Trim(IMessage message, string[][] paths)
    {
        foreach (FieldDescriptor field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            string[][] matching = Array.FindAll(paths, path => path[0] == field.Name);
            if (matching.Length == 0)
            {
                field.Accessor.Clear(message);
                continue;
            }

            if (Array.Exists(matching, static path => path.Length == 1) || !IsSingleMessage(field)
                || field.Accessor.GetValue(message) is not IMessage inner)
            {
                continue;
            }

            string[][] rest = Array.ConvertAll(matching, static path => path[1..]);
            IMessage content = Unpacked(inner);
            Trim(content, rest);
            if (inner is Any packed && content != inner)
            {
                packed.Value = content.ToByteString();
            }
        }
    }

    private static bool IsSingleMessage(FieldDescriptor field) => field is { FieldType: FieldType.Message, IsRepeated: false, IsMap: false };

    private static IMessage Unpacked(IMessage message) =>
        message is Any any && PilotfishTypes.Registry.Find(Any.GetTypeName(any.TypeUrl)) is { } type
            ? type.Parser.ParseFrom(any.Value)
            : message;
}
