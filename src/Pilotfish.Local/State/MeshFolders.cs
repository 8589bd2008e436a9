using System.Security.Cryptography;

namespace Pilotfish.Local.State;

/// <summary>Where one mesh keeps its files. Everything lies below one folder, so that removing it leaves no trace.</summary>
internal sealed class MeshFolders(string id)
{
    public const string Root = "/run/pilotfish";

    /// <summary>Secrets and tokens lie below.</summary>
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private const int IdBytes = 3;

    private const int CreationsMax = 10;

    public string Id => id;

    public static MeshFolders New() => new(RandomNumberGenerator.GetHexString(IdBytes * 2, lowercase: true));

    public static bool IsId(string text) => text.Length == IdBytes * 2 && text.All(char.IsAsciiHexDigitLower);

    public string Base => Path.Combine(Root, id);

    public string Lock => Path.Combine(Base, "lock");

    public string Description => Path.Combine(Base, "mesh.json");

    public string ControlPlaneLog => Path.Combine(Base, "control-plane.log");

    public string UpLog => Path.Combine(Base, "up.log");

    /// <summary>What `discovery --stateDir` watches.</summary>
    public string RuntimeState => Path.Combine(Base, "state");

    /// <summary>The name that `ip netns` shows for the node.</summary>
    public string NodeNamespace => $"pf-{id}-node";

    public string Pod(string ns, string name) => Path.Combine(Base, "pods", $"{ns}_{name}");

    public static string ContainerLog(string podFolder, string container) => Path.Combine(podFolder, "logs", container + ".log");

    /// <exception cref="IOException">They cannot be made, or others remove them as often as they are made.</exception>
    public void Create()
    {
        for (int tries = CreationsMax; ; tries--)
        {
            try
            {
                Directory.CreateDirectory(Root);
                Directory.CreateDirectory(Base, OwnerOnly);
                Directory.CreateDirectory(RuntimeState);
                return;
            }
            catch (IOException) when (tries > 0)
            {
                // Another mesh that ends removes what is empty, between two of these steps or in the middle of one.
            }
        }
    }

    public static IReadOnlyList<MeshFolders> All()
    {
        try
        {
            return Array.ConvertAll(Directory.GetDirectories(Root), path => new MeshFolders(Path.GetFileName(path)));
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }
}
