using System.Collections.Concurrent;
using Google.Protobuf.Reflection;

namespace Pilotfish.Api.Messages;

/// <summary>A message's fields under both of their names: as in the proto file and as in JSON.</summary>
internal sealed class FieldTable
{
    private static readonly ConcurrentDictionary<MessageDescriptor, FieldTable> s_tables = new();

    private readonly Dictionary<string, FieldDescriptor> _byName = new(StringComparer.Ordinal);

    private FieldTable(MessageDescriptor descriptor)
    {
        foreach (FieldDescriptor field in descriptor.Fields.InDeclarationOrder())
        {
            _byName[field.Name] = field;
            _byName[field.JsonName] = field;
        }
    }

    public static FieldTable Of(MessageDescriptor descriptor) =>
        s_tables.GetOrAdd(descriptor, static d => new FieldTable(d));

    public FieldDescriptor? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>A field that the writer may have meant, spelt the way the wrong name is: snake_case or camelCase.</summary>
    public string? Suggest(string wrongName)
    {
        string? nearest = NearestName.Find(wrongName, _byName.Keys);
        if (nearest is null)
        {
            return null;
        }

        FieldDescriptor field = _byName[nearest];
        return wrongName.Contains('_') ? field.Name : field.JsonName;
    }
}
