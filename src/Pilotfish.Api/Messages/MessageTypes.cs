using Google.Protobuf.Reflection;

namespace Pilotfish.Api.Messages;

/// <summary>Message types by full name and by type URL.</summary>
public sealed class MessageTypes
{
    private readonly Dictionary<string, MessageDescriptor> _byName = new(StringComparer.Ordinal);
    private readonly Lazy<TypeRegistry> _registry;

    private MessageTypes(IReadOnlyList<FileDescriptor> files)
    {
        foreach (FileDescriptor file in files)
        {
            AddFile(file);
        }

        _registry = new Lazy<TypeRegistry>(() => TypeRegistry.FromFiles(files));
    }

    public TypeRegistry Registry => _registry.Value;

    public IReadOnlyCollection<string> Names => _byName.Keys;

    public static MessageTypes FromFiles(IReadOnlyList<FileDescriptor> files) => new(files);

    public MessageDescriptor? Find(string fullName) => _byName.GetValueOrDefault(fullName);

    /// <summary>Only what follows the last slash names the type; the host before it is decoration.</summary>
    public MessageDescriptor? FindByUrl(string typeUrl) => Find(typeUrl[(typeUrl.LastIndexOf('/') + 1)..]);

    private void AddFile(FileDescriptor file)
    {
        foreach (FileDescriptor dependency in file.Dependencies)
        {
            if (dependency.MessageTypes.Count > 0 && !_byName.ContainsKey(dependency.MessageTypes[0].FullName))
            {
                AddFile(dependency);
            }
        }

        foreach (MessageDescriptor message in file.MessageTypes)
        {
            AddMessage(message);
        }
    }

    private void AddMessage(MessageDescriptor message)
    {
        _byName[message.FullName] = message;
        foreach (MessageDescriptor nested in message.NestedTypes)
        {
            AddMessage(nested);
        }
    }
}
