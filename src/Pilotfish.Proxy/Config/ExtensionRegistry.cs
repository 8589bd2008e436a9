using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// Maps the type URL of a typed_config to the factory that compiles it; one table per category, the category being the
/// factory's interface. TypedStruct (xds.type.v3 and udpa.type.v1) is unwrapped here. Filled before config compiles, then
/// read on the main loop.
/// </summary>
public sealed class ExtensionRegistry
{
    private const string XdsTypedStruct = "xds.type.v3.TypedStruct";
    private const string UdpaTypedStruct = "udpa.type.v1.TypedStruct";

    private readonly Dictionary<(System.Type Category, string MessageName), IExtensionFactory> _factories = [];

    /// <summary>Gets a remark for each extension that is accepted but not active, once.</summary>
    public ConfigProblems? Remarks { get; set; }

    /// <summary>Registers a factory in its category; a later registration of the same name replaces the earlier one.</summary>
    public void Register<TCategory>(TCategory factory)
        where TCategory : class, IExtensionFactory
    {
        foreach (string name in factory.MessageNames)
        {
            _factories[(typeof(TCategory), name)] = factory;
        }
    }

    public bool TryFind<TCategory>(string messageName, [NotNullWhen(true)] out TCategory? factory)
        where TCategory : class, IExtensionFactory
    {
        factory = _factories.GetValueOrDefault((typeof(TCategory), messageName)) as TCategory;
        return factory is not null;
    }

    /// <summary>The factory of a typed_config and the config to give it. An unknown type is rejected by name.</summary>
    public TCategory Find<TCategory>(Any typedConfig, string extensionName, string field, out ExtensionConfig config)
        where TCategory : class, IExtensionFactory
    {
        config = Unwrap(typedConfig, field);
        if (TryFind(config.MessageName, out TCategory? factory))
        {
            if (factory.NotActiveNote is { } note)
            {
                Remarks?.Add($"'{config.MessageName}': {note.TrimEnd('.')}");
            }

            return factory;
        }

        string what = config.MessageName.Length == 0 ? "no typed_config" : $"type '{config.MessageName}'";
        throw new ConfigRejectedException(
            field, $"extension '{extensionName}' has {what}, which Pilotfish does not have in this place");
    }

    /// <summary>What is registered, for the list of extensions in the node message and in /server_info.</summary>
    internal IEnumerable<(System.Type Category, string MessageName, IExtensionFactory Factory)> All
    {
        get
        {
            foreach (((System.Type category, string name), IExtensionFactory factory) in _factories)
            {
                yield return (category, name, factory);
            }
        }
    }

    public static ExtensionConfig Unwrap(Any typedConfig, string field)
    {
        string name = MessageName(typedConfig.TypeUrl);
        if (name is not (XdsTypedStruct or UdpaTypedStruct))
        {
            return new ExtensionConfig(name, typedConfig.Value, null, field);
        }

        try
        {
            (string innerUrl, Struct fields) = ReadTypedStruct(typedConfig.Value);
            return new ExtensionConfig(MessageName(innerUrl), ByteString.Empty, fields, field);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ConfigRejectedException(field, $"the config is not a valid {name}: {e.Message}", e);
        }
    }

    // Both TypedStruct messages are: string type_url = 1; google.protobuf.Struct value = 2.
    private static (string TypeUrl, Struct Fields) ReadTypedStruct(ByteString bytes)
    {
        string typeUrl = "";
        Struct fields = new();
        CodedInputStream input = bytes.CreateCodedInput();
        while (input.ReadTag() is uint tag and not 0)
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 1:
                    typeUrl = input.ReadString();
                    break;
                case 2:
                    input.ReadMessage(fields);
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }

        return (typeUrl, fields);
    }

    // Envoy looks at what follows the last slash only, so any authority is accepted.
    private static string MessageName(string typeUrl) =>
        typeUrl.StartsWith(ResourceType.UrlPrefix, StringComparison.Ordinal)
            ? typeUrl[ResourceType.UrlPrefix.Length..]
            : typeUrl[(typeUrl.LastIndexOf('/') + 1)..];
}
