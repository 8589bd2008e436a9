namespace Pilotfish.Capture.Cni.Protocol;

/// <summary>
/// The call as the runtime's environment describes it (CNI specification, "Parameters"), checked by the verb's needs.
/// </summary>
internal sealed record CniRequest(
    CniVerb Verb, string ContainerId, string NetworkNamespace, string Interface, IReadOnlyDictionary<string, string> Args)
{
    private const string CommandVariable = "CNI_COMMAND";
    private const string ContainerVariable = "CNI_CONTAINERID";
    private const string NamespaceVariable = "CNI_NETNS";
    private const string InterfaceVariable = "CNI_IFNAME";
    private const string ArgsVariable = "CNI_ARGS";

    /// <summary>IFNAMSIZ less the final zero.</summary>
    private const int InterfaceNameMax = 15;

    public static CniRequest Read(IReadOnlyDictionary<string, string> environment)
    {
        CniVerb verb = ReadVerb(environment.GetValueOrDefault(CommandVariable, string.Empty));
        if (verb is CniVerb.Version or CniVerb.Status or CniVerb.Gc)
        {
            return new CniRequest(verb, string.Empty, string.Empty, string.Empty, new Dictionary<string, string>());
        }

        // DEL may come after the namespace is gone, and then without its path.
        string[] needed = verb == CniVerb.Del
            ? [ContainerVariable, InterfaceVariable]
            : [ContainerVariable, NamespaceVariable, InterfaceVariable];
        string[] missing = [.. needed.Where(name => environment.GetValueOrDefault(name, string.Empty).Length == 0)];
        if (missing.Length > 0)
        {
            throw Invalid($"CNI_COMMAND {CniText.NameOf(verb)} needs the variables {string.Join(", ", missing)}.");
        }

        string container = environment[ContainerVariable];
        string device = environment[InterfaceVariable];
        if (!IsContainerId(container))
        {
            throw Invalid($"{ContainerVariable} '{CniText.Printable(container)}' must begin with a letter or digit and hold "
                + "only letters, digits, '_', '.' and '-'.");
        }

        if (!IsInterfaceName(device))
        {
            throw Invalid($"{InterfaceVariable} '{CniText.Printable(device)}' is no interface name of at most "
                + $"{InterfaceNameMax} characters without '/', ':' and blanks.");
        }

        return new CniRequest(
            verb,
            container,
            environment.GetValueOrDefault(NamespaceVariable, string.Empty),
            device,
            ReadArgs(environment.GetValueOrDefault(ArgsVariable, string.Empty)));
    }

    private static CniVerb ReadVerb(string text) => text switch
    {
        "ADD" => CniVerb.Add,
        "DEL" => CniVerb.Del,
        "CHECK" => CniVerb.Check,
        "VERSION" => CniVerb.Version,
        "STATUS" => CniVerb.Status,
        "GC" => CniVerb.Gc,
        "" => throw Invalid($"{CommandVariable} is not set. This program is a CNI plugin: a container runtime calls it, with "
            + "the network configuration on standard input."),
        _ => throw Invalid($"{CommandVariable} '{CniText.Printable(text)}' must be ADD, DEL, CHECK, VERSION, STATUS or GC."),
    };

    private static bool IsContainerId(string text) =>
        char.IsAsciiLetterOrDigit(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');

    private static bool IsInterfaceName(string text) =>
        text.Length <= InterfaceNameMax && text is not ("." or "..")
        && text.All(c => c is > ' ' and <= '~' and not ('/' or ':'));

    /// <summary>"K=V;K=V". Names that nobody here knows are the business of other plugins in the chain.</summary>
    private static Dictionary<string, string> ReadArgs(string text)
    {
        var args = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string pair in text.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw Invalid($"{ArgsVariable} holds '{CniText.Printable(pair)}', which is no NAME=VALUE.");
            }

            args[pair[..equals]] = pair[(equals + 1)..];
        }

        return args;
    }

    private static CniException Invalid(string message) => new(CniErrorCode.InvalidEnvironment, message);
}
