using Pilotfish.Runtime.Interop;

namespace Pilotfish.Runtime.Tests.Interop;

public sealed class FolderLockTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("runtime-lock-").FullName;

    [Fact]
    public void TryTake_Held_IsNullUntilReleased()
    {
        using (FolderLock? first = FolderLock.TryTake(_folder))
        {
            Assert.NotNull(first);
            Assert.Null(FolderLock.TryTake(_folder));
        }

        using FolderLock? again = FolderLock.TryTake(_folder);
        Assert.NotNull(again);
    }

    [Fact]
    public void TryTake_ThroughALink_MeetsTheSameLock()
    {
        string link = _folder + "-link";
        Directory.CreateSymbolicLink(link, _folder);
        using FolderLock? first = FolderLock.TryTake(_folder);
        Assert.Null(FolderLock.TryTake(link));
        Directory.Delete(link);
    }

    [Fact]
    public void TryTake_NoFolder_SaysWhich()
    {
        IOException error = Assert.Throws<IOException>(() => FolderLock.TryTake(_folder + "/none"));
        Assert.Contains($"'{_folder}/none'", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder);
}
