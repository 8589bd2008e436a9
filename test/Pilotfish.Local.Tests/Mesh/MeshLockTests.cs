using Pilotfish.Local.Mesh;
using Pilotfish.Local.State;
using Pilotfish.Testing;

namespace Pilotfish.Local.Tests.Mesh;

public sealed class MeshLockTests
{
    private readonly MeshFolders _folders = new("t" + Guid.NewGuid().ToString("N")[..8]);

    public MeshLockTests() => Prerequisite.Root();

    [Fact]
    public async Task Lock_IsTakenOverOnlyFromTheDead()
    {
        using (MeshLock? held = await MeshLock.TakeAsync(_folders))
        {
            Assert.NotNull(held);
            Assert.Null(MeshLock.TryTakeOver(_folders));
            await Leftovers.RemoveAsync();
            Assert.True(File.Exists(_folders.Lock));
        }

        using (MeshLock? dead = MeshLock.TryTakeOver(_folders))
        {
            Assert.NotNull(dead);
        }

        await Leftovers.RemoveAsync(_folders);
        Assert.Null(MeshLock.TryTakeOver(_folders));
        Assert.False(Directory.Exists(_folders.Base));
        Leftovers.RemoveRootIfEmpty();
    }

    /// <summary>Other meshes begin and end while one sweeps what the dead left: nobody loses a folder, nobody trips over another.</summary>
    [Fact]
    public async Task Meshes_BeginAndEndBesideSweeps()
    {
        const int Meshes = 4;
        const int Rounds = 50;
        using var over = new CancellationTokenSource();
        Task sweeping = Task.Run(async () =>
        {
            while (!over.IsCancellationRequested)
            {
                await Leftovers.RemoveAsync();
            }
        }, TestContext.Current.CancellationToken);

        await Task.WhenAll(Enumerable.Range(0, Meshes).Select(mesh => Task.Run(async () =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                var folders = new MeshFolders($"{_folders.Id}-{mesh}-{round}");
                using MeshLock? held = await MeshLock.TakeAsync(folders);
                Assert.NotNull(held);
                Assert.True(Directory.Exists(folders.RuntimeState));
                await Leftovers.RemoveAsync(folders);
            }
        })));

        await over.CancelAsync();
        await sweeping;
        Leftovers.RemoveRootIfEmpty();
    }
}
