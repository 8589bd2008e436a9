using System.Collections.Concurrent;
using Google.Protobuf.Reflection;

namespace Pilotfish.Api.Messages.Shapes;

/// <summary>
/// A message's fields under their numbers and both of their names, as in the proto file and as in JSON. Made of a descriptor, or of
/// a written table (<see cref="SidecarShapes"/>) where descriptors cost too much memory. Any thread.
/// </summary>
public sealed class MessageShape
{
    private static readonly ConcurrentDictionary<MessageDescriptor, MessageShape> s_ofDescriptors = new();

    private readonly Dictionary<string, FieldShape> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<int, FieldShape> _byNumber = [];

    internal MessageShape(string fullName, IEnumerable<FieldShape> fields)
    {
        FullName = fullName;
        foreach (FieldShape field in fields)
        {
            _byName[field.Name] = field;
            _byName[field.JsonName] = field;
            _byNumber.Add(field.FieldNumber, field);
        }
    }

    public string FullName { get; }

    public string Name => FullName[(FullName.LastIndexOf('.') + 1)..];

    public IReadOnlyCollection<FieldShape> Fields => _byNumber.Values;

    public static MessageShape Of(MessageDescriptor descriptor) => s_ofDescriptors.GetOrAdd(
        descriptor, static d => new MessageShape(d.FullName, d.Fields.InDeclarationOrder().Select(Field)));

    public FieldShape? Find(string name) => _byName.GetValueOrDefault(name);

    public FieldShape? Find(int number) => _byNumber.GetValueOrDefault(number);

    /// <summary>A field that the writer may have meant, spelt the way the wrong name is: snake_case or camelCase.</summary>
    internal string? Suggest(string wrongName)
    {
        string? nearest = NearestName.Find(wrongName, _byName.Keys);
        if (nearest is null)
        {
            return null;
        }

        FieldShape field = _byName[nearest];
        return wrongName.Contains('_') ? field.Name : field.JsonName;
    }

    private static FieldShape Field(FieldDescriptor field) => new(
        field.FieldNumber, field.Name, field.JsonName, field.FieldType, () => Of(field.MessageType), () => Enum(field.EnumType))
    {
        IsRepeated = field.IsRepeated,
        IsMap = field.IsMap,
        Oneof = field.RealContainingOneof?.Name,
    };

    private static EnumShape Enum(EnumDescriptor descriptor) =>
        new(descriptor.FullName, descriptor.Values.Select(static v => KeyValuePair.Create(v.Name, v.Number)));
}
