using Google.Protobuf.Reflection;

namespace Pilotfish.Api.Messages;

/// <summary>
/// All messages of the vocabulary, for readers and printers of <c>Any</c>. The first use loads every descriptor,
/// some 30 MB in a NativeAOT process: tools and control planes use it, a running sidecar does not.
/// </summary>
public static class PilotfishTypes
{
    private static readonly Lazy<MessageTypes> s_all = new(() => MessageTypes.FromFiles(PilotfishFiles.All()));

    public static MessageTypes All => s_all.Value;

    /// <summary>The same types for Google.Protobuf's own formatter and parser.</summary>
    public static TypeRegistry Registry => All.Registry;
}
